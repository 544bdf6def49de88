import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { checkout, isRoot, keptSecret, shortHash, writeFileAtomic } from './files';
import { findMariaDb, type MariaDbPrograms } from './mariadb-programs';
import { type Launch, ManagedProcess, type Report } from './process';
import { runLogged } from './run';

/** The account that this service uses on every MariaDB server; made by dev/sql. */
const MYSQL_USER = 'qserv_ingest';

export interface MySqlAccount {
  host: string;
  port: number;
  user: string;
  password: string;
}

export interface MariaDbOptions {
  name: string;
  dir: string;
  /** Taken if free; else, and without it, another one is chosen and remembered. */
  port?: number;
  /** Which of Qserv's schemas a new server has: the czar's (`master`) or a worker's. */
  role?: 'master' | 'worker';
  /** File with the account's password, made if missing; default: one in `dir`. Servers may share one. */
  passwordFile?: string;
  report?: Report;
}

/**
 * Options that the stack's servers run with; docker-compose.yml uses the same. Sizes are for several servers on one small
 * machine. `open-files-limit` and `table-open-cache`: each MyISAM partition is two open files. The recover options let a server
 * that was killed repair its tables by itself when they are next opened.
 */
export const MARIADB_OPTIONS: Record<string, string> = {
  'local-infile': '1',
  'open-files-limit': '65535',
  'table-open-cache': '4000',
  'max-connections': '200',
  'max-allowed-packet': '64M',
  'key-buffer-size': '16M',
  'aria-pagecache-buffer-size': '8M',
  'innodb-buffer-pool-size': '24M',
  'innodb-log-file-size': '16M',
  'innodb-log-buffer-size': '2M',
  'innodb-flush-log-at-trx-commit': '2',
  'innodb-use-native-aio': '0',
  'myisam-recover-options': 'BACKUP,QUICK',
  'aria-recover-options': 'BACKUP,QUICK',
  'performance-schema': '0',
  'skip-name-resolve': '1',
};

/** Longest path that a Unix socket can have (sun_path, less the final NUL). */
const MAX_SOCKET_PATH = 107;

/** A private MariaDB server with its own data folder, made when the folder is new. Restarts on the same port after a kill. */
export class MariaDbServer extends ManagedProcess {
  private readonly role: 'master' | 'worker';
  private readonly dataDir: string;
  private readonly passwordFile: string;
  private programs?: MariaDbPrograms;
  protected override readonly readyWithin = 120;

  constructor(options: MariaDbOptions) {
    super(options.name, options.dir, { port: options.port }, options.report);
    this.role = options.role ?? 'worker';
    this.dataDir = join(this.dir, 'data');
    this.passwordFile = options.passwordFile ?? join(this.dir, 'password');
  }

  /** Address and account of the service's user, who may do everything. */
  get mysql(): MySqlAccount {
    return { host: '127.0.0.1', port: this.portOf('port'), user: MYSQL_USER, password: this.password };
  }

  private get password(): string {
    return keptSecret(this.passwordFile);
  }

  private get initFile(): string {
    return join(this.dir, 'init.sql');
  }

  /** Never shared: a server that starts deletes the temporary tables it finds, also those of a server at work. */
  private get tmpDir(): string {
    return join(this.dir, 'tmp');
  }

  private get socket(): string {
    const inside = join(this.dir, 'mysql.sock');
    return inside.length <= MAX_SOCKET_PATH ? inside : join(tmpdir(), `qserv-${shortHash(this.dir)}.sock`);
  }

  protected override async prepare(): Promise<void> {
    this.programs = await findMariaDb(this.report);
    mkdirSync(this.tmpDir, { recursive: true });
    if (!existsSync(this.dataDir)) await this.createData(this.programs);
    writeFileAtomic(this.initFile, initSql(this.role, this.password), 0o600);
  }

  /** Made beside its final place, so that an interrupted attempt is not taken for a data folder. */
  private async createData(programs: MariaDbPrograms): Promise<void> {
    this.report('creating the data folder');
    const unfinished = `${this.dataDir}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    const argv = [
      programs.installDb,
      '--no-defaults',
      `--datadir=${unfinished}`,
      `--tmpdir=${this.tmpDir}`,
      '--skip-test-db',
      // Even where the machine's own name cannot be looked up.
      '--force',
      '--auth-root-authentication-method=socket',
      ...(isRoot ? ['--user=root'] : []),
      `--innodb-log-file-size=${MARIADB_OPTIONS['innodb-log-file-size']}`,
    ];
    await runLogged(argv, this.report, `Is the disk full, or ${this.dir} not ours to write?`, { env: this.mark });
    renameSync(unfinished, this.dataDir);
  }

  protected override async launch(): Promise<Launch> {
    if (!this.programs) throw new Error('launch before prepare');
    return {
      command: this.programs.server,
      args: [
        '--no-defaults',
        ...(isRoot ? ['--user=root'] : []),
        `--datadir=${this.dataDir}`,
        `--tmpdir=${this.tmpDir}`,
        `--socket=${this.socket}`,
        `--pid-file=${join(this.dir, 'server.pid')}`,
        `--init-file=${this.initFile}`,
        '--bind-address=127.0.0.1',
        `--port=${this.portOf('port')}`,
        ...Object.entries(MARIADB_OPTIONS).map(([option, value]) => `--${option}=${value}`),
      ],
    };
  }

  protected override async isReady(): Promise<boolean> {
    const connection = await createConnection({ ...this.mysql, connectTimeout: 2000 });
    try {
      await connection.query('SELECT 1');
      return true;
    } finally {
      await connection.end();
    }
  }
}

/**
 * What a preinstalled Qserv has, and our account: run by the server at every start before it takes connections, hence safe to
 * repeat. A server's init file wants each statement on one line.
 */
function initSql(role: 'master' | 'worker', password: string): string {
  const schema = readFileSync(join(checkout, 'dev', 'sql', `${role}.sql`), 'utf8');
  const statements = schema
    .split('\n')
    .filter((line) => !line.startsWith('--'))
    .join(' ')
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
  return [
    ...statements,
    `CREATE USER IF NOT EXISTS '${MYSQL_USER}'@'%'`,
    `ALTER USER '${MYSQL_USER}'@'%' IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${MYSQL_USER}'@'%' WITH GRANT OPTION`,
  ]
    .map((statement) => `${statement};\n`)
    .join('');
}
