import { setTimeout as sleep } from 'node:timers/promises';
import { sharedMariaDb } from '../../../test/support/servers';
import { DataServer } from './connection';
import { selectText } from './select-text';

let server: DataServer;

beforeAll(async () => {
  server = new DataServer('w1', await sharedMariaDb('w1'), { connections: 1 });
});
afterAll(() => server.close());

/** Rows of ten bytes. */
const select = (rows: number) =>
  rows === 0 ? 'SELECT 1 FROM DUAL WHERE FALSE' : `SELECT 1000000 + seq, 5 FROM mysql.seq_1_to_${rows}`;
const expected = (rows: number) => Array.from({ length: rows }, (_, i) => `${1_000_001 + i}\t5\n`).join('');

test.each([0, 1, 27_000, 200_000])('%i rows come whole, and the connection can be used again', async (rows) => {
  await server.connection('select', async (connection) => {
    const { text, any } = selectText(connection, 'select', select(rows));
    expect(await any).toBe(rows > 0);
    let read = '';
    for await (const block of text) read += String(block);
    expect(read).toBe(expected(rows));
    expect(await connection.rows('again', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('a reader that begins when all has come leaves the connection usable', async () => {
  await server.connection('select', async (connection) => {
    // As much as is gathered before the server is made to wait, and a little more.
    const { text } = selectText(connection, 'select', select(27_000));
    while (text.readableLength < 270_000) await sleep(1);
    let read = '';
    for await (const block of text) read += String(block);
    expect(read).toBe(expected(27_000));
    expect(await connection.rows('again', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('no more is read than the reader takes', async () => {
  await server.connection('select', async (connection) => {
    const { text, any } = selectText(connection, 'select', select(2_000_000));
    await any;
    await sleep(300);
    expect(text.readableLength).toBeLessThan(1_000_000);
    connection.destroy();
  });
});

test('a SELECT that fails, at once or in the middle, and a connection that breaks, end the text with the failure', async () => {
  const drain = async (text: AsyncIterable<unknown>) => {
    for await (const _ of text);
  };
  const run = (sql: string, meanwhile: (id: number) => Promise<unknown> = async () => {}) =>
    server.connection('select', async (connection) => {
      const { text, any } = selectText(connection, 'select', sql);
      const began = await any.catch((error: unknown) => error);
      await meanwhile(connection.threadId);
      await expect(drain(text)).rejects.toThrow();
      return began;
    });
  const other = new DataServer('w1', await sharedMariaDb('w1'), { connections: 1 });
  expect(await run('SELECT x FROM mysql.nothing')).toMatchObject({ details: { errno: 1146 } });
  expect(await run('SELECT seq, (SELECT 1 UNION SELECT IF(seq > 150000, 2, 1)) FROM mysql.seq_1_to_200000')).toBe(true);
  expect(await run(select(2_000_000), (id) => other.kill(id))).toBe(true);
  await other.close();
});
