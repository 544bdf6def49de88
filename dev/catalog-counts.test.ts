import { createConnection } from 'mysql2/promise';
import { sharedMariaDb, uniqueName } from '../test/support/servers';
import { countCatalog } from './catalog-counts';

test('counts rows, overlap rows and copies, and sees whether the catalog is published', async () => {
  const workers = await Promise.all([sharedMariaDb('w1'), sharedMariaDb('w2')]);
  const database = uniqueName('counts');
  const tables = [
    { name: 'Object', isPartitioned: true },
    { name: 'Filter', isPartitioned: false },
  ];
  const onWorker = async (index: number, ...statements: string[]) => {
    const connection = await createConnection({ ...workers[index], multipleStatements: true });
    await connection.query([`CREATE DATABASE IF NOT EXISTS ${database}`, `USE ${database}`, ...statements].join(';'));
    await connection.end();
  };
  const create = (name: string, rows: number) => [
    `CREATE TABLE ${name} (a INT) ENGINE=MyISAM`,
    ...(rows > 0 ? [`INSERT INTO ${name} SELECT seq FROM seq_1_to_${rows}`] : []),
  ];
  const served = `INSERT INTO qservw_worker.Dbs VALUES ('${database}')`;
  await onWorker(0, served);
  await onWorker(0, ...create('Object_10', 5), ...create('ObjectFullOverlap_10', 2), ...create('Filter', 9));
  await onWorker(0, ...create('Object', 1), ...create('Object_1234567890', 1), ...create('Object_2_7', 1));
  await onWorker(1, ...create('Object_11', 7), ...create('Filter', 9));

  const expected = { Object: { rows: 12, overlap: 2 }, Filter: { rows: 9, workers: 2 } };
  expect(await countCatalog(workers, database, tables)).toEqual({ published: false, tables: expected });
  await onWorker(1, served);
  expect(await countCatalog(workers, database, tables)).toEqual({ published: true, tables: expected });

  await onWorker(1, `ALTER TABLE Object_11 PARTITION BY LIST (a) (PARTITION p VALUES IN (1,2,3,4,5,6,7))`);
  expect(await countCatalog(workers, database, tables)).toMatchObject({ published: false });
  await onWorker(1, `DELETE FROM Filter LIMIT 1`);
  await expect(countCatalog(workers, database, tables)).rejects.toThrow(/different copies of Filter: 9, 8 rows/);
});
