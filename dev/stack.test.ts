import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { serviceConfig } from '../api/config';
import { privateDir } from '../test/support/servers';
import { readText } from './files';
import { processesOf } from './identity';
import { Stack, WORKERS } from './stack';

jest.setTimeout(180_000);

const SERVERS = ['postgres', 'temporal', 'mariadb-master', 'mariadb-w1', 'mariadb-w2'];
const SERVICES = ['campaigns', 'ingest-w1', 'ingest-w2', 'server-controller', 'server-w1', 'server-w2'];

const running = (name: string) => ({ name, pid: expect.any(Number), state: 'running' });

describe('the stack', () => {
  const dir = privateDir('stack');
  /** A new object each time: what one call of the command line would have. */
  const stack = () => new Stack({ dir, preferredPorts: false });
  beforeAll(() => stack().up());
  afterAll(() => stack().reset());

  const pids = () =>
    Object.fromEntries(
      stack()
        .status()
        .processes.map(({ name, pid }) => [name, pid]),
    );

  test('status tells all there is to know, in one object', () => {
    const status = stack().status();
    const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/);
    const mysql = { host: '127.0.0.1', port: expect.any(Number), user: 'qserv_ingest', password: expect.any(String) };
    expect(status).toEqual({
      temporal: {
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        namespace: 'default',
        ui: expect.stringMatching(/^http:/),
      },
      controller: { url },
      workers: WORKERS.map((name) => ({
        name,
        httpUrl: url,
        binaryPort: expect.any(Number),
        taskQueue: `ingest-${name}`,
        mysql,
      })),
      master: { mysql },
      postgres: { url: expect.stringMatching(/^postgres:/) },
      processes: [...SERVERS, ...SERVICES].map(running),
    });
  });

  test('up is harmless when all runs, also twice at the same time', async () => {
    const before = pids();
    await Promise.all([stack().up(), stack().up()]);
    expect(pids()).toEqual(before);
  });

  test('writes the configuration that our processes read, without a secret in it', () => {
    const text = readText(stack().configFile) ?? '';
    const config = serviceConfig.parse(JSON.parse(text));
    expect(config.targets.local).toMatchObject({ kind: 'native', workers: WORKERS.map((name) => ({ name })) });
    const { master, postgres } = stack().status();
    expect(text).not.toContain(master.mysql?.password);
    expect(text).not.toContain(new URL(postgres?.url ?? '').password);
  });

  test('shows no secret on a command line', () => {
    const lines = execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' });
    const { master, postgres } = stack().status();
    expect(lines).toContain(dir);
    expect(lines).not.toContain(master.mysql?.password);
    expect(lines).not.toContain(new URL(postgres?.url ?? '').password);
  });

  test("a folder of one's own becomes a source root, remembered, and only our processes start anew", async () => {
    await expect(stack().addSourceRoot('mine', join(dir, 'none'))).rejects.toThrow(/none is no folder/);
    await expect(stack().addSourceRoot('my own', dir)).rejects.toThrow(/roots\.my own: use letters/);
    const before = pids();
    await stack().addSourceRoot('mine', dir);
    await stack().up();
    expect(JSON.parse(readText(stack().configFile) ?? '').sources.roots).toMatchObject({ mine: dir });
    const after = pids();
    for (const name of SERVERS) expect(after[name]).toBe(before[name]);
    for (const name of SERVICES) expect(after[name]).not.toBe(before[name]);
  });

  test('kill and up bring back what was killed, and nothing else', async () => {
    const before = pids();
    await stack().kill('mariadb-w1');
    await stack().kill('temporal');
    expect(pids()).toEqual({ ...before, 'mariadb-w1': null, temporal: null });
    await stack().up();
    const after = pids();
    expect(after).toEqual({ ...before, 'mariadb-w1': expect.any(Number), temporal: expect.any(Number) });
    expect(after.temporal).not.toBe(before.temporal);
  });

  test('restart gives a process a new life on the same address', async () => {
    const { processes: _, ...before } = stack().status();
    const pid = pids().postgres;
    await stack().restart('postgres');
    expect(pids().postgres).not.toBe(pid);
    expect(stack().status()).toMatchObject(before);
    await expect(stack().restart('nobody')).rejects.toThrow(/no process nobody .* mariadb-w1/);
  });

  test('down leaves nothing, up finds the data again, elsewhere when a port was taken in between', async () => {
    const first = stack().status().workers[0]?.mysql;
    if (!first) throw new Error('no worker');
    const connection = await createConnection(first);
    await connection.query('CREATE DATABASE keep');
    await connection.end();
    await stack().down();
    expect(processesOf(dir)).toEqual([]);
    expect(
      stack()
        .status()
        .processes.map(({ state }) => state),
    ).toEqual(Array(SERVERS.length + SERVICES.length).fill('stopped'));

    const other = createServer();
    await new Promise<void>((listening) => other.listen({ host: '127.0.0.1', port: first.port }, listening));
    try {
      await stack().up();
    } finally {
      other.close();
    }
    const second = stack().status().workers[0]?.mysql;
    expect(second?.port).not.toBe(first.port);
    const again = await createConnection({ ...first, port: second?.port ?? 0 });
    const [rows] = await again.query<RowDataPacket[]>("SHOW DATABASES LIKE 'keep'");
    await again.end();
    expect(rows).toHaveLength(1);
    expect(readText(stack().configFile)).toContain(`"port": ${second?.port}`);
  });

  test('down finds a process whose pid file went missing', async () => {
    rmSync(join(dir, 'mariadb-w2', 'pid'));
    expect(pids()['mariadb-w2']).toBeNull();
    expect(processesOf(join(dir, 'mariadb-w2'))).toHaveLength(1);
    await stack().down();
    expect(processesOf(dir)).toEqual([]);
  });

  test('reset deletes all data', async () => {
    await stack().up();
    await stack().reset();
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(join(dir, 'mariadb-w1'))).toBe(false);
    expect(existsSync(join(dir, 'postgres'))).toBe(false);
    expect(stack().status()).toMatchObject({ temporal: null, postgres: null, master: { mysql: null } });
  });
});
