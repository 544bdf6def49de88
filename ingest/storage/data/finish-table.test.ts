import { sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { IngestError } from '../../core/errors';
import { PUBLISH_SCHEMA } from '../../core/names';
import type { TableDescriptor } from '../../core/tables';
import { DataServer, quoteTable } from './connection';
import { createSchema, createTables } from './create-tables';
import { partitionClause } from './definition';
import { dropSchema, dropTables } from './drop-tables';
import { finishTable, publishNames } from './finish-table';
import { renameBatch } from './replace-tables';

const database = uniqueName('finish');
const table: TableDescriptor = {
  definition: { kind: 'regular', name: 'T', schema: [{ name: 'a', type: 'INT' }] },
  columns: [
    { name: 'qserv_trans_id', type: 'INT NOT NULL' },
    { name: 'a', type: 'INT' },
  ],
  isPublished: false,
  createTime: 0,
  publishTime: 0,
};

let server: DataServer;
beforeAll(async () => {
  server = new DataServer('master', await sharedMariaDb('master'), { connections: 3 });
  await createSchema(server, database);
  await createSchema(server, PUBLISH_SCHEMA);
  await createTables(server, database, ['T'], table, 'partitioned');
  await server.run('add', `ALTER TABLE ${quoteTable(database, 'T')} ADD PARTITION (${partitionClause(5)})`);
  await server.run('put', `INSERT INTO ${quoteTable(database, 'T')} VALUES (5, 1), (5, 2)`);
});
afterAll(async () => {
  await dropSchema(server, database);
  await dropTables(server, PUBLISH_SCHEMA, Object.values(publishNames(database, 'T')));
  await server.close();
});

/** Does `work` while somebody reads the table; the lock is found lost when it is asked for the `at`th time, and the reader ends then. */
async function losingTheLock(at: number, work: (check: () => Promise<void>) => Promise<unknown>): Promise<void> {
  await server.connection('read', async (reader) => {
    await reader.run('lock', `LOCK TABLES ${quoteTable(database, 'T')} READ`);
    let asked = 0;
    const check = async () => {
      if (++asked < at) return;
      await reader.run('unlock', 'UNLOCK TABLES');
      throw new IngestError('UNAVAILABLE', 'another process may go on with it');
    };
    await expect(work(check)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(asked).toBe(at);
  });
}

test('who loses its lock while it waits for readers changes nothing more', async () => {
  // A twin, an exchange that is refused, the exchange again.
  await losingTheLock(3, (check) =>
    server.connection('finish', (connection) => finishTable(connection, database, 'T', table, { steps() {}, check })),
  );
  const rows = await server.rows('look', `SELECT a FROM ${quoteTable(database, 'T')} PARTITION (p5)`);
  expect(rows).toHaveLength(2);
  const sql = `DROP TABLE ${quoteTable(database, 'T')} NOWAIT`;
  await losingTheLock(2, (check) => renameBatch(server, { tables: ['T'], sql }, check));
  expect(await server.rows('look', `SELECT a FROM ${quoteTable(database, 'T')}`)).toHaveLength(2);
});
