import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { ServiceConfig } from '../../api/config';
import type { SourceRules } from '../../ingest/source';
import { CONFIG_VARIABLE, readConfig } from '../../workers/environment';
import { temporalOptions } from '../../workers/temporal-options';
import { CommandError, EXIT } from './exit';

type Env = Record<string, string | undefined>;

/** Any of these says where Temporal or the configuration is; then the stack of a checkout is not looked for. */
const SETTINGS = [CONFIG_VARIABLE, 'TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE'];

/** Where the services are: the process's environment, or that of the development stack in whose checkout the program lies. */
export class Environment {
  private constructor(readonly env: Env) {}

  static read(env: Env): Environment {
    const stack = SETTINGS.some((name) => env[name]) ? undefined : stackFile();
    if (stack === undefined) return new Environment(env);
    return new Environment({ ...env, ...(JSON.parse(readFileSync(stack, 'utf8')) as Env) });
  }

  /** The services' configuration, if any is named. Errors: INVALID_INPUT. */
  get config(): ServiceConfig | undefined {
    const file = this.env[CONFIG_VARIABLE];
    return file ? readConfig(file) : undefined;
  }

  /** PostgreSQL URL, if it is set. */
  get postgresUrl(): string | undefined {
    return this.config && this.env[this.config.postgresUrlEnv];
  }

  /** How sources are read here. Without a configuration only `folder` is a source root. */
  sourceRules(folder: string): SourceRules {
    const { secrets, ...rules } = this.config?.sources ?? {
      roots: { campaign: folder },
      stallSeconds: 60,
      secrets: [] as string[],
    };
    return { ...rules, resolveSecret: (name) => (secrets.includes(name) ? this.env[name] : undefined) };
  }

  /** Runs work with a client that is connected as Temporal's standard environment or temporal.toml says. */
  async withTemporal<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const { connectionOptions, namespace } = temporalOptions(this.env);
    const connection = await connect(connectionOptions);
    try {
      return await work(new Client({ connection, namespace: namespace ?? 'default' }));
    } finally {
      await connection.close();
    }
  }
}

type NativeOptions = ReturnType<typeof temporalOptions>['connectionOptions'];

async function connect({ address, tls, apiKey, metadata }: NativeOptions): Promise<Connection> {
  try {
    return await Connection.connect({ address, tls, apiKey, metadata: metadata as never, connectTimeout: '5s' });
  } catch (error) {
    const where = address ?? 'localhost:7233';
    throw new CommandError(
      EXIT.unreachable,
      'UNAVAILABLE',
      `Temporal at ${where} does not answer (${(error as Error).message}); set TEMPORAL_ADDRESS, or start a stack: npm run stack -- up`,
    );
  }
}

/** The folder of package.json, seen from cli/ and from dist/cli/ alike. */
export function packageRoot(): string {
  let dir = __dirname;
  while (!existsSync(join(dir, 'package.json'))) {
    if (dir === dirname(dir)) throw new Error(`no package.json above ${__dirname}`);
    dir = dirname(dir);
  }
  return dir;
}

/** What a development stack of this checkout wrote down, if there is one. */
function stackFile(): string | undefined {
  const file = join(packageRoot(), '.stack', 'environment.json');
  return existsSync(file) ? file : undefined;
}

/** A path as the user meant it: `npm run campaign` changes the folder. */
export function userPath(path: string, env: Env): string {
  const from = env.npm_lifecycle_event === 'campaign' ? env.INIT_CWD : undefined;
  return resolve(from ?? process.cwd(), path);
}
