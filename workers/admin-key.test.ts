import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateDir } from '../test/support/servers';
import { readEnvironment } from './environment';
import { Targets } from './targets';

const mysql = { host: '127.0.0.1', port: 3306, user: 'x' };
const target = { kind: 'native', master: mysql, workers: [{ name: 'w1', mysql }] };
const variables = {
  PG: 'postgresql://127.0.0.1/x',
  TARGET_KEY: 's3cret',
  GIVEN: 's3cret',
  WRONG: 's3cret!',
  OTHER: 's3cret',
};

function targets(env: Record<string, string>): Targets {
  const folder = privateDir('keys');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'config.json');
  const config = {
    postgresUrlEnv: 'PG',
    defaultTarget: 'keyed',
    targets: {
      keyed: { ...target, adminAuthKeyEnv: 'TARGET_KEY' },
      keyless: target,
      remote: { kind: 'remote', controllerUrl: 'http://127.0.0.1:1', authKeyEnv: 'TARGET_KEY' },
    },
    keys: ['GIVEN', 'WRONG', 'UNSET'],
  };
  writeFileSync(file, JSON.stringify(config));
  return new Targets(readEnvironment({ ...env, QSERV_CAMPAIGNS_CONFIG: file }), {} as never);
}

/** What is said of a key; never a value. */
function refusal(name: string, reference: string, env: Record<string, string> = variables): string {
  try {
    targets(env).checkAdminKey(name, reference);
    return 'allowed';
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: unknown };
    expect(JSON.stringify([message, details])).not.toContain('s3cret');
    return `${code}: ${message}`;
  }
}

test("the target's key, under a name that requests may use", () => {
  expect(refusal('keyed', `\${env:GIVEN}`)).toBe('allowed');
});

const { TARGET_KEY, ...withoutKey } = variables;

test.each<[string, string, string, Record<string, string>]>([
  ['keyless', `\${env:GIVEN}`, 'it has no administrator key, .* configure its adminAuthKeyEnv', variables],
  ['keyed', `\${env:GIVEN}`, 'its administrator key is not set; set TARGET_KEY', withoutKey],
  ['keyed', `\${env:GIVEN}`, 'its administrator key is not set', { ...variables, TARGET_KEY: '', GIVEN: '' }],
  ['keyed', 's3cret', 'name an environment variable of the workers as adminKey', variables],
  ['keyed', `\${env:OTHER}`, 'OTHER is not a key that requests may name; list it under keys', variables],
  ['keyed', `\${env:TARGET_KEY}`, 'TARGET_KEY is not a key that requests may name', variables],
  ['keyed', `\${env:UNSET}`, 'UNSET is not set; set it in the environment', variables],
  ['keyed', `\${env:WRONG}`, 'the key in WRONG is not its administrator key', variables],
])('refused: %s %s: %s', (name, reference, why, env) => {
  expect(refusal(name, reference, env)).toMatch(new RegExp(`^NOT_ALLOWED: target ${name}: ${why}`));
});

test("a remote target's key that is not set is named before anything is sent", async () => {
  const keyless = targets(withoutKey);
  expect(() => keyless.controller('remote')).toThrow(/^target remote: its key is not set; set TARGET_KEY/);
  const keyed = targets(variables);
  keyed.controller('remote');
  await keyed.close();
});

test('an unknown target', () => {
  expect(refusal('nowhere', `\${env:GIVEN}`)).toMatch(/^UNKNOWN_TARGET/);
});
