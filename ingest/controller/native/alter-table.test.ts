import { sharedServers } from '../../../test/support/native';
import { cssTree } from '../../../test/support/published';
import { contents, dataServer, facts, loadedCatalog } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import type { ColumnDefinition } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { shownColumns } from '../../storage/data/table-columns';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController } from './controller';

/** Changes of tables that hold rows. */

let metadata: Metadata;
let controller: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();
/** Final tables that were announced. */
let announced: string[] = [];

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  const steps = (step: string, { table }: Record<string, unknown>) => {
    if (step === 'alter.table') announced.push(String(table));
  };
  controller = new NativeController({ target: 'test', servers, metadata, steps });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});
afterAll(async () => {
  await Promise.all([controller, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
});

/** A published catalog with rows of Source in one chunk, on the server. */
async function published() {
  const catalog = await loadedCatalog(controller, workers, { tables: ['Object', 'Source'], rows: 500 });
  announced = [];
  return catalog;
}

/** The columns of every final table of Source, and of the master's table, as texts; one entry when all have the same. */
async function columnsEverywhere(database: string): Promise<string[]> {
  const found = new Set<string>();
  for (const server of [master, ...workers.values()]) {
    const tables = await server.rows('list', `SHOW TABLES FROM ${database} LIKE 'Source%'`);
    for (const name of tables.flatMap((row) => Object.values(row))) {
      const columns = await shownColumns(server, database, String(name));
      found.add(columns.map((c) => `${c.name} ${c.definition}`).join(', '));
    }
  }
  return [...found];
}

const recorded = async (database: string, table = 'Source'): Promise<ColumnDefinition[]> =>
  (await controller.database(database)).tables.find((t) => t.definition.name === table)?.columns as ColumnDefinition[];

const TRANSACTION = { name: 'qserv_trans_id', type: 'INT NOT NULL' };
const sourceId = { name: 'sourceId', type: 'BIGINT NOT NULL' };
const objectId = { name: 'objectId', type: 'BIGINT DEFAULT NULL' };

test('every table has the change: prototype, dummy chunk, chunks, overlaps, the master; CSS and record say so; rows stay', async () => {
  const { database, server } = await published();
  const before = facts(await contents(server, database));
  await controller.alterTable(
    database,
    'Source',
    "ADD COLUMN flux DOUBLE NOT NULL DEFAULT 1.5 COMMENT 'a, `b` (c)' AFTER sourceId, ADD band CHAR(1), COMMENT 'wide'",
  );
  const dummies = ['Source', 'SourceFullOverlap_1234567890', 'Source_1234567890'];
  expect(announced.sort()).toEqual([...dummies, ...dummies, 'SourceFullOverlap_7480', 'Source_7480'].sort());
  expect(await columnsEverywhere(database)).toEqual([
    "qserv_trans_id int(11) NOT NULL, sourceId bigint(20) NOT NULL, flux double NOT NULL DEFAULT 1.5 COMMENT 'a, `b` (c)', objectId bigint(20) DEFAULT NULL, band char(1) DEFAULT NULL",
  ]);
  const flux = { name: 'flux', type: "DOUBLE NOT NULL DEFAULT 1.5 COMMENT 'a, `b` (c)'" };
  const band = { name: 'band', type: 'CHAR(1)' };
  expect(await recorded(database)).toEqual([TRANSACTION, sourceId, flux, objectId, band]);
  expect((await cssTree(master, database))['/TABLES/Source/schema']).toBe(
    "(`qserv_trans_id` INT NOT NULL, `sourceId` BIGINT NOT NULL, `flux` DOUBLE NOT NULL DEFAULT 1.5 COMMENT 'a, `b` (c)', `objectId` BIGINT DEFAULT NULL, `band` CHAR(1))",
  );
  const after = facts(await contents(server, database));
  expect(after.Source_7480?.rows).toBe(500);
  expect({ ...after, Source_7480: 0 }).toEqual({ ...before, Source_7480: 0 });
  expect(await server.rows('sum', `SELECT SUM(sourceId + flux) AS s FROM ${database}.Source_7480`)).toEqual([
    { s: 125250 + 750 },
  ]);

  await controller.alterTable(database, 'Source', 'CHANGE flux f FLOAT, RENAME COLUMN band TO filter_name');
  await controller.alterTable(database, 'Source', "ALTER filter_name SET DEFAULT 'r', DROP COLUMN IF EXISTS nothing");
  expect(await recorded(database)).toEqual([
    TRANSACTION,
    sourceId,
    { name: 'f', type: 'FLOAT' },
    objectId,
    { name: 'filter_name', type: "char(1) DEFAULT 'r'" },
  ]);

  // Chunks that come later have the columns too.
  await controller.unpublish(database);
  await controller.allocateChunks({ database }, [7310]);
  await controller.publish(database);
  expect(await columnsEverywhere(database)).toHaveLength(1);
});

test('a final table that cannot take the change: the others have it, and it is made there, or taken back, later', async () => {
  const { database, server, worker } = await published();
  const narrow = 'MODIFY sourceId SMALLINT NOT NULL, ADD c TINYINT AS (sourceId / 5) PERSISTENT';
  const failing = {
    code: 'TABLES_FAILED',
    details: {
      failures: {
        [worker]: { Source_7480: { status: 'MYSQL_ERROR', error: expect.stringContaining('Out of range') } },
      },
    },
  };
  await server.run('too large', `UPDATE ${database}.Source_7480 SET sourceId = 100000 WHERE sourceId = 7`);
  await expect(controller.alterTable(database, 'Source', narrow)).rejects.toMatchObject(failing);
  expect(announced).toHaveLength(8);
  expect(await columnsEverywhere(database)).toHaveLength(2);
  expect(await recorded(database)).toEqual([TRANSACTION, sourceId, objectId]);

  // Nothing else comes between, and a repeat asks only for what is missing.
  await expect(controller.alterTable(database, 'Source', 'ADD d INT')).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    message: expect.stringContaining(narrow),
  });
  announced = [];
  await expect(controller.alterTable(database, 'Source', ` ${narrow}\n`)).rejects.toMatchObject(failing);
  expect(announced).toEqual(['Source_7480']);

  await controller.alterTable(database, 'Source', 'DROP c, MODIFY sourceId BIGINT NOT NULL');
  expect(announced).toHaveLength(8);
  expect(await columnsEverywhere(database)).toHaveLength(1);
  expect(await recorded(database)).toEqual([TRANSACTION, sourceId, objectId]);

  await expect(controller.alterTable(database, 'Source', narrow)).rejects.toMatchObject(failing);
  await server.run('mend', `UPDATE ${database}.Source_7480 SET sourceId = 7 WHERE sourceId = 100000`);
  await controller.alterTable(database, 'Source', narrow);
  expect(await columnsEverywhere(database)).toHaveLength(1);
  expect(await recorded(database)).toEqual([
    TRANSACTION,
    { name: 'sourceId', type: 'SMALLINT NOT NULL' },
    objectId,
    { name: 'c', type: 'TINYINT AS (sourceId / 5) PERSISTENT' },
  ]);
});

test('what is refused leaves everything as it was', async () => {
  const { database } = await published();
  const refused = async (table: string, spec: string, message: string) => {
    await expect(controller.alterTable(database, table, spec)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(message),
    });
  };
  for (const column of ['objectId', 'RA', '`decl`', 'subChunkId', 'qserv_trans_id']) {
    await refused('Object', `DROP ${column}`, 'one that Qserv goes by');
    await refused('Object', `MODIFY COLUMN ${column} CHAR(5)`, 'one that Qserv goes by');
    await refused('Object', `RENAME COLUMN ${column} TO other`, 'one that Qserv goes by');
  }
  await refused('Source', 'CHANGE objectId o BIGINT', 'one that Qserv goes by');
  await refused('Object', 'ADD c TEXT', 'prohibited in director tables');
  await refused('Source', 'ADD `a b` INT', 'not a legal name');
  await refused('Source', 'ADD c INT, CHANGE c d INT', 'Unknown column');
  await refused('Filter', 'DROP filterName', 'the table schema is empty');
  await refused('Source', `ADD c CHAR(1) COMMENT '${'x'.repeat(250)}'`, 'longer than 255');
  await controller.alterTable(database, 'Source', 'ADD a INT, ADD b INT');
  await refused('Source', 'CHANGE a b INT AFTER a, CHANGE b a INT AFTER objectId', 'exchange their names');
  announced = [];
  const [columns] = await columnsEverywhere(database);
  expect(columns).toMatch(/ a int\(11\) DEFAULT NULL, b int\(11\) DEFAULT NULL$/);

  await master.run(
    'hide',
    `UPDATE qservCssData.kvData SET kvKey = '/DBS/${database}/TABLES/hidden' WHERE kvKey = '/DBS/${database}/TABLES/Filter'`,
  );
  await expect(controller.alterTable(database, 'Filter', 'ADD c INT')).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    details: { missing: 'table' },
  });
  expect(announced).toEqual([]);
});

test('types as MariaDB has them', async () => {
  const { database } = await published();
  await controller.alterTable(
    database,
    'Source',
    "ADD e ENUM('a','B') DEFAULT 'a', ADD g INT AS (sourceId + 1) VIRTUAL, ADD s INT AS (sourceId * 2) STORED, ADD t TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
  );
  expect((await controller.tableSchema(database, 'Source')).slice(3)).toEqual([
    { name: 'e', type: "ENUM('a','B') DEFAULT 'a'" },
    { name: 'g', type: 'INT(11) GENERATED ALWAYS AS (`sourceId` + 1) VIRTUAL' },
    { name: 's', type: 'INT(11) GENERATED ALWAYS AS (`sourceId` * 2) STORED' },
    { name: 't', type: 'TIMESTAMP NOT NULL DEFAULT current_timestamp()' },
  ]);
});
