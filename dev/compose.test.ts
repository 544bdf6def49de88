import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { serviceConfig } from '../api/config';
import { checkout } from './files';
import { MARIADB_OPTIONS } from './mariadb';
import { Stack, WORKERS } from './stack';
import { SETTINGS } from './stack-settings';
import { SEARCH_ATTRIBUTES, SQLITE_PRAGMAS } from './temporal';

/** docker-compose.yml runs what the stack runs, with the same settings. */

interface Service {
  image?: string;
  build?: string;
  command?: string[];
  environment: Record<string, string>;
  volumes: string[];
  ports?: string[];
}

const compose = parse(readFileSync(join(checkout, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};
const stack = new Stack({ dir: join(checkout, '.stack') });

function service(name: string): Service {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
}

test('has a service for each process of the stack, by its name', () => {
  expect(Object.keys(compose.services).sort()).toEqual(stack.parts.map(({ name }) => name).sort());
});

test.each(['master', ...WORKERS])('MariaDB %s runs with the options and schemas of the stack', (name) => {
  const { command, volumes } = service(`mariadb-${name}`);
  expect(command).toEqual(Object.entries(MARIADB_OPTIONS).map(([option, value]) => `--${option}=${value}`));
  const schema = name === 'master' ? 'master.sql' : 'worker.sql';
  expect(volumes).toContainEqual(
    expect.stringMatching(new RegExp(`^./dev/sql/${schema}:/docker-entrypoint-initdb.d/`)),
  );
});

test('Temporal runs with the same search attributes and storage settings', () => {
  const { command } = service('temporal');
  expect(command).toEqual(
    expect.arrayContaining([
      ...SEARCH_ATTRIBUTES.map((name) => `--search-attribute=${name}=Keyword`),
      ...SQLITE_PRAGMAS.map((pragma) => `--sqlite-pragma=${pragma}`),
    ]),
  );
});

test('our processes run the same entries with the same settings', () => {
  for (const process of stack.services) {
    const { command, environment } = service(process.name);
    expect(command).toEqual(process.command);
    expect(Object.keys(environment).sort()).toEqual([...SETTINGS].sort());
  }
});

test('the configuration names the services and the workers of the stack', () => {
  const json = JSON.parse(readFileSync(join(checkout, 'dev', 'compose', 'config.json'), 'utf8'));
  const { targets, sources } = serviceConfig.parse(json);
  expect(targets.local).toMatchObject({
    master: { host: 'mariadb-master' },
    workers: WORKERS.map((name) => ({ name, mysql: { host: `mariadb-${name}` } })),
  });
  for (const folder of Object.values(sources.roots)) {
    expect(service('ingest-w1').volumes).toContainEqual(expect.stringContaining(`:${folder}:ro`));
  }
});

test('no password is written down', () => {
  const variables = Object.values(compose.services).flatMap(({ environment }) => Object.entries(environment ?? {}));
  const secrets = variables.filter(([name]) => /(PASSWORD|KEY)$/.test(name) && name !== 'MARIADB_RANDOM_ROOT_PASSWORD');
  expect(secrets.length).toBeGreaterThan(0);
  for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:\?.+\}$/);
});
