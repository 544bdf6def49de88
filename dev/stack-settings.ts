import { statSync } from 'node:fs';
import { join } from 'node:path';
import { inputFaults } from '../api/campaign/faults';
import { sourceRules } from '../api/config';
import { invalidInput } from '../ingest/core/errors';
import { checkout, keptSecret, readText, writeFileAtomic } from './files';
import type { MariaDbServer } from './mariadb';
import type { PostgresServer } from './postgres';
import type { ServerPorts } from './server-ports';
import { configText } from './service-config';
import type { TemporalServer } from './temporal';
import { noTemporalSettings } from './temporal-env';

/** Environment variables by which our processes are told where everything is. */
export const SETTINGS = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'QSERV_CAMPAIGNS_CONFIG',
  'QSERV_POSTGRES_URL',
  'QSERV_MYSQL_PASSWORD',
  'QSERV_AUTH_KEY',
  'QSERV_ADMIN_AUTH_KEY',
] as const;

/** The servers of a stack. */
export interface StackServers {
  readonly postgres: PostgresServer;
  readonly temporal: TemporalServer;
  readonly master: MariaDbServer;
  readonly workers: ReadonlyMap<string, MariaDbServer>;
}

interface Sources {
  sourceRoots?: Record<string, string>;
  sourceSecrets?: string[];
}

/** What a stack tells our processes and its clients, and the files in its folder that say so. */
export class StackSettings {
  readonly configFile: string;

  constructor(
    private readonly dir: string,
    private readonly servers: StackServers,
    private readonly sources: Sources,
  ) {
    this.configFile = join(dir, 'config.json');
  }

  /** Settings, secrets included. The servers must have been started once. */
  environment(): Record<string, string | undefined> {
    const { temporal, postgres, master } = this.servers;
    const settings: Record<(typeof SETTINGS)[number], string> = {
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      QSERV_CAMPAIGNS_CONFIG: this.configFile,
      QSERV_POSTGRES_URL: postgres.url(),
      QSERV_MYSQL_PASSWORD: master.mysql.password,
      QSERV_AUTH_KEY: keptSecret(join(this.dir, 'auth-key')),
      QSERV_ADMIN_AUTH_KEY: keptSecret(join(this.dir, 'admin-key')),
    };
    return { ...noTemporalSettings(), ...settings };
  }

  /** Writes all of it; `ports` of the REST and binary services, where the stack has them. */
  write(ports: ServerPorts | undefined): void {
    writeFileAtomic(this.configFile, this.configText(ports));
    // By this the command line finds a checkout's stack without any setting (cli/support/environment.ts); it holds passwords.
    writeFileAtomic(join(this.dir, 'environment.json'), `${JSON.stringify(this.environment(), null, 2)}\n`, 0o600);
  }

  /** Remembers source roots, as `checkedRoot` has them, for each `write` that comes. */
  addSourceRoot(root: Record<string, string>): void {
    writeFileAtomic(this.sourcesFile, `${JSON.stringify({ ...this.addedRoots(), ...root }, null, 2)}\n`);
  }

  private configText(ports: ServerPorts | undefined): string {
    const { sourceRoots, sourceSecrets: secrets } = this.sources;
    const roots = { examples: join(checkout, 'examples'), ...this.addedRoots(), ...sourceRoots };
    const { master, workers } = this.servers;
    return configText({ master, workers, ports, sources: { roots, secrets } });
  }

  private get sourcesFile(): string {
    return join(this.dir, 'sources.json');
  }

  private addedRoots(): Record<string, string> {
    return JSON.parse(readText(this.sourcesFile) ?? '{}');
  }
}

/** The rule for one source root, when it is a folder under a name that roots may have. Errors: INVALID_INPUT. */
export function checkedRoot(name: string, folder: string): Record<string, string> {
  const { data, error } = sourceRules.safeParse({ roots: { [name]: folder } });
  if (error) throw invalidInput('source', inputFaults(error.issues));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${folder} is no folder`);
  return data.roots;
}
