import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { IngestError } from '../../core/errors';
import { whileBusy } from './again';
import { type DataConnection, DataServer, quoteTable } from './connection';

const database = uniqueName('connection');
const table = quoteTable(database, 't');
const LOAD = `LOAD DATA LOCAL INFILE 'x' INTO TABLE ${table} (a)`;
let server: DataServer;

beforeAll(async () => {
  server = new DataServer('test', await sharedMariaDb('w1'), { lockWaitSeconds: 1 });
  await server.run('create', `CREATE DATABASE ${database}`);
  await server.run('create', `CREATE TABLE ${table} (a INT NOT NULL) ENGINE=MyISAM`);
});

afterAll(async () => {
  await server.run('drop', `DROP DATABASE ${database}`);
  await server.close();
});

/** Hands `work` a connection and says whether it still worked afterwards. */
async function withConnection(work: (connection: DataConnection) => Promise<unknown>): Promise<boolean> {
  return server.connection('test', async (connection) => {
    await work(connection);
    return connection.rows('ask', 'SELECT 1').then(
      () => true,
      () => false,
    );
  });
}

const failure = new IngestError('SOURCE_BROKEN', 'the source broke');

test.each<[string, () => Readable, unknown]>([
  [
    'that fails',
    () =>
      Readable.from(
        (async function* () {
          yield '1\n';
          await sleep(20);
          throw failure;
        })(),
        { objectMode: false },
      ),
    failure,
  ],
  [
    'that closes without a word',
    () => {
      const source = new Readable({ read() {} });
      source.push('1\n');
      setTimeout(() => source.destroy(), 20);
      return source;
    },
    expect.objectContaining({ message: expect.stringContaining('Premature close') }),
  ],
])('a source %s ends the statement and the connection', async (_, open, error) => {
  const works = await withConnection((connection) =>
    expect(connection.runWithInput('load', LOAD, open())).rejects.toEqual(error),
  );
  expect(works).toBe(false);
});

test('a whole source is loaded, and the connection goes on', async () => {
  const works = await withConnection(async (connection) => {
    await expect(connection.runWithInput('load', LOAD, Readable.from([Buffer.from('1\nx\n')]))).resolves.toEqual({
      affectedRows: 2,
      warnings: 1,
    });
  });
  expect(works).toBe(true);
});

test('destroying a connection answers whoever waits on it', async () => {
  const works = await withConnection(async (connection) => {
    const waiting = connection.rows('sleep', 'SELECT SLEEP(20)');
    setTimeout(() => connection.destroy(failure), 20);
    await expect(waiting).rejects.toBe(failure);
  });
  expect(works).toBe(false);
});

test('a killed connection is UNAVAILABLE, the server goes on; killing what is gone is success', async () => {
  let id = 0;
  const works = await withConnection(async (connection) => {
    id = connection.threadId;
    const waiting = connection.rows('sleep', 'SELECT SLEEP(20)');
    setTimeout(() => void server.kill(id), 50);
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
  expect(works).toBe(false);
  await expect(server.kill(id)).resolves.toBeUndefined();
  await expect(server.rows('ask', 'SELECT 1 AS one')).resolves.toMatchObject([{ one: 1 }]);
});

test('a server that is not there is UNAVAILABLE', async () => {
  const nobody = new DataServer('nobody', { host: '127.0.0.1', port: 1, user: 'x' });
  await expect(nobody.rows('ask', 'SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await nobody.close();
});

test("DDL waits for somebody's lock only shortly, and is tried again", async () => {
  const alter = () => server.run('alter', `ALTER TABLE ${table} NOWAIT COMMENT 'x'`);
  await server.connection('lock', async (holder) => {
    await holder.run('lock', `LOCK TABLES ${table} READ`);
    await expect(alter()).rejects.toMatchObject({ code: 'BUSY' });
    await expect(whileBusy(0.1, alter)).rejects.toMatchObject({ code: 'BUSY' });
    await expect(server.run('alter', `ALTER TABLE ${table} COMMENT 'x'`)).rejects.toMatchObject({ code: 'BUSY' });
    setTimeout(() => void holder.run('unlock', 'UNLOCK TABLES'), 100);
    await whileBusy(10, alter);
  });
});
