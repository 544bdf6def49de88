import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { Connection } from '@temporalio/client';
import { createConnection } from 'mysql2/promise';
import postgres from 'postgres';
import { listening } from '../test/support/listening';
import { privateDir, privateMariaDb, privatePostgres, privateTemporal } from '../test/support/servers';
import { processesOf } from './identity';
import { MariaDbServer } from './mariadb';

jest.setTimeout(120_000);

describe('MariaDB server', () => {
  const server = privateMariaDb('own', 'master');
  beforeAll(() => server.start());
  afterAll(() => server.remove());

  async function query(sql: string): Promise<Record<string, unknown>[]> {
    const connection = await createConnection(server.mysql);
    try {
      return (await connection.query(sql))[0] as Record<string, unknown>[];
    } finally {
      await connection.end();
    }
  }

  test('has what a preinstalled Qserv czar has', async () => {
    const rows = await query('SELECT kvKey, kvVal FROM qservCssData.kvData ORDER BY kvKey');
    expect(rows).toEqual([
      { kvKey: '', kvVal: '' },
      { kvKey: '/css_meta', kvVal: '' },
      { kvKey: '/css_meta/version', kvVal: '1' },
    ]);
    expect(await query("SELECT Host FROM mysql.user WHERE User = 'qsmaster'")).toEqual([{ Host: 'localhost' }]);
  });

  test('takes local files and does not resolve names', async () => {
    const rows = await query('SELECT @@local_infile AS local, @@skip_name_resolve AS skip');
    expect(rows).toEqual([{ local: 1, skip: 1 }]);
  });

  test('comes back with its data, on its port, after SIGKILL', async () => {
    await query('CREATE DATABASE keep');
    await query('CREATE TABLE keep.t (a INT) ENGINE=MyISAM');
    await query('INSERT INTO keep.t VALUES (1), (2)');
    const { mysql, pid } = server;
    await server.kill();
    expect(server.state).toBe('stopped');
    await server.start();
    expect(server.pid).not.toBe(pid);
    expect(server.mysql).toEqual(mysql);
    expect(await query('SELECT SUM(1) AS n FROM keep.t')).toEqual([{ n: '2' }]);
  });

  test('another object on the same folder sees and stops it', async () => {
    const other = new MariaDbServer({ name: 'own', dir: server.dir, role: 'master' });
    expect(other.pid).toBe(server.pid);
    await other.stop();
    expect(server.state).toBe('stopped');
    expect(processesOf(server.dir)).toEqual([]);
    await server.start();
  });

  test('shows no password on a command line', () => {
    const lines = execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' });
    expect(lines).toContain(`--datadir=${server.dir}`);
    expect(lines).not.toContain(server.mysql.password);
  });
});

test('a server moves aside when its preferred port is taken, and remembers', async () => {
  const other = createServer();
  const taken = await listening(other);
  const server = new MariaDbServer({ name: 'aside', dir: privateDir('aside'), port: taken });
  try {
    await server.start();
    const { port } = server.mysql;
    expect(port).not.toBe(taken);
    await new Promise((closed) => other.close(closed));
    await server.restart();
    expect(server.mysql.port).toBe(port);
  } finally {
    other.close();
    await server.remove();
  }
});

test('a server that cannot start says why, and leaves nothing running', async () => {
  const server = privateMariaDb('broken');
  await server.start();
  await server.stop();
  execFileSync('rm', ['-r', `${server.dir}/data/mysql`]);
  await expect(server.start()).rejects.toThrow(/broken ended while starting:[\s\S]*mysql/);
  expect(processesOf(server.dir)).toEqual([]);
});

test('PostgreSQL comes back with its data, on its port, after SIGKILL with connections open', async () => {
  const server = privatePostgres();
  await server.start();
  const sql = postgres(server.url(), { max: 4, onnotice: () => {} });
  await sql`CREATE TABLE t AS SELECT 7 AS a`;
  const url = server.url();
  await server.kill();
  await server.start();
  expect(server.url()).toBe(url);
  expect(await sql`SELECT a FROM t`.catch(() => sql`SELECT a FROM t`)).toEqual([{ a: 7 }]);
  await sql.end({ timeout: 1 });
  await server.remove();
  expect(processesOf(server.dir)).toEqual([]);
});

test('Temporal keeps its search attributes and its address over SIGKILL', async () => {
  const server = privateTemporal();
  await server.start();
  const { address } = server;
  await server.kill();
  await server.start();
  expect(server.address).toBe(address);
  const connection = await Connection.connect({ address });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: server.namespace });
  expect(Object.keys(customAttributes ?? {})).toEqual(
    expect.arrayContaining(['CampaignDatabase', 'CampaignPhase', 'CampaignOwner']),
  );
  await connection.close();
  const settings = (await (await fetch(`${server.ui}/api/v1/settings`)).json()) as Record<string, unknown>;
  expect(settings).toMatchObject({ DisableWriteActions: false, StartWorkflowDisabled: false });
  await server.remove();
});
