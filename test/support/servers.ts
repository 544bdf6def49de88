import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import postgres from 'postgres';
import { withLock } from '../../dev/lock';
import { MariaDbServer, type MySqlAccount } from '../../dev/mariadb';
import { PostgresServer } from '../../dev/postgres';
import type { ManagedProcess } from '../../dev/process';
import { TemporalServer } from '../../dev/temporal';
import { openMetadata } from '../../ingest/storage/metadata';

/**
 * Real servers for tests. The shared ones are started by whichever test file asks first and serve the whole run; the private
 * ones are a test's own, to be killed at will. All live in the run's folder and end with the run (test/support/guard.mjs).
 */

export type SharedMariaDb = 'master' | 'w1' | 'w2';

function runDir(): string {
  const dir = process.env.QSERV_CAMPAIGNS_TEST_RUN;
  if (!dir) throw new Error('no test run: start tests by jest, whose global setup makes its folder');
  return dir;
}

const started = new Map<string, Promise<unknown>>();

/** Starts the shared server unless another test file has. */
function shared<T extends ManagedProcess>(server: T): Promise<T> {
  let known = started.get(server.dir) as Promise<T> | undefined;
  if (!known) {
    known = withLock(`${server.dir}.lock`, async () => {
      await server.start();
      return server;
    });
    started.set(server.dir, known);
  }
  return known;
}

function sharedPostgres(): Promise<PostgresServer> {
  return shared(new PostgresServer({ dir: join(runDir(), 'postgres'), durable: false }));
}

/** Account on one of the run's MariaDB servers. They are shared: use schema names of your own, and kill only private ones. */
export async function sharedMariaDb(name: SharedMariaDb): Promise<MySqlAccount> {
  const role = name === 'master' ? 'master' : 'worker';
  return (await shared(new MariaDbServer({ name, dir: join(runDir(), name), role }))).mysql;
}

/** The run's Temporal server. */
export function sharedTemporal(): Promise<TemporalServer> {
  return shared(new TemporalServer({ dir: join(runDir(), 'temporal') }));
}

const TEMPLATE = 'test_template';

/** URL of a new PostgreSQL database of one's own, migrated: a copy of one that the run migrates once. */
export async function freshDatabase(): Promise<string> {
  const server = await sharedPostgres();
  const name = uniqueName('test');
  const sql = postgres(server.url(), { max: 1, onnotice: () => {} });
  try {
    await withLock(`${server.dir}.template.lock`, async () => {
      const exists = await sql`SELECT 1 FROM pg_database WHERE datname = ${TEMPLATE}`;
      if (exists.length === 0) await makeTemplate(server, sql);
      await sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(TEMPLATE)}`;
    });
  } finally {
    await sql.end();
  }
  return server.url(name);
}

/** Named last, so that a template that exists is a whole one. */
async function makeTemplate(server: PostgresServer, sql: postgres.Sql): Promise<void> {
  const unfinished = uniqueName('template');
  await sql`CREATE DATABASE ${sql(unfinished)}`;
  const metadata = openMetadata(server.url(unfinished), 1);
  try {
    await metadata.migrate();
  } finally {
    await metadata.close();
  }
  await sql`ALTER DATABASE ${sql(unfinished)} RENAME TO ${sql(TEMPLATE)}`;
}

/** A name that no other test uses: for schemas on shared MariaDB servers. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(4).toString('hex')}`;
}

/** A folder of one's own inside the run's; it goes away with the run. */
export function privateDir(label: string): string {
  return join(runDir(), uniqueName(label));
}

/** A MariaDB server of one's own, not started yet. */
export function privateMariaDb(name: string, role: 'master' | 'worker' = 'worker'): MariaDbServer {
  return new MariaDbServer({ name, dir: privateDir(name), role });
}

/** A PostgreSQL server of one's own, not started yet. */
export function privatePostgres(): PostgresServer {
  return new PostgresServer({ dir: privateDir('postgres'), durable: false });
}

/** A Temporal server of one's own, not started yet. */
export function privateTemporal(): TemporalServer {
  return new TemporalServer({ dir: privateDir('temporal') });
}
