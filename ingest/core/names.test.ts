import fc from 'fast-check';
import {
  chunkTable,
  databaseNameFault,
  identifierFault,
  MAX_IDENTIFIER,
  MAX_PARTITIONED_TABLE,
  parseFinalTable,
  shadowsChunksOf,
  stagingPrefix,
  stagingTable,
  tableNameFault,
  transactionOfStaging,
  type UnitPlace,
  unitLock,
} from './names';

test('identifiers', () => {
  for (const good of ['Object', 'a', '_1', '2mass', 'x$y']) expect(identifierFault(good)).toBeUndefined();
  for (const bad of ['', '12', 'a b', 'a`b', 'a.b', 'a-b', 'é', 'x'.repeat(65), '../x']) {
    expect(identifierFault(bad)).toBeDefined();
  }
});

test('system schemas and reserved names are no catalogs', () => {
  for (const bad of [
    'mysql',
    'SYS',
    'qservMeta',
    'QSERVw_worker',
    'qserv_ingest_staging',
    'Subchunks_a_1',
    'q_memoryLockDb',
  ]) {
    expect(databaseNameFault(bad)).toBeDefined();
  }
  expect(databaseNameFault('test101')).toBeUndefined();
  expect(databaseNameFault('d'.repeat(52))).toBeUndefined();
  expect(databaseNameFault('d'.repeat(53))).toContain('empty chunks');
});

test('database and table together have at most 56 characters', () => {
  expect(tableNameFault('d'.repeat(26), 't'.repeat(30), true)).toBeUndefined();
  expect(tableNameFault('d'.repeat(27), 't'.repeat(30), true)).toContain('exceeds 56');
  expect(tableNameFault('d', 't'.repeat(MAX_PARTITIONED_TABLE + 1), true)).toContain('overlap tables');
  expect(tableNameFault('d', 't'.repeat(MAX_PARTITIONED_TABLE + 1), false)).toBeUndefined();
});

test('final tables are read as they are written', () => {
  expect(parseFinalTable('ObjectFullOverlap_7480')).toEqual({ table: 'Object', chunk: 7480, overlap: true });
  expect(parseFinalTable('Object_7480')).toEqual({ table: 'Object', chunk: 7480, overlap: false });
  expect(parseFinalTable('Object')).toEqual({ table: 'Object', overlap: false });
  expect(parseFinalTable('FullOverlap_7')).toEqual({ table: 'FullOverlap', chunk: 7, overlap: false });
});

test('names that could be chunk tables of another table', () => {
  for (const name of ['Object_1', 'objectfulloverlap_7', 'ObjectFullOverlap'])
    expect(shadowsChunksOf(name, 'Object')).toBe(true);
  for (const name of ['Object', 'Objects', 'Object_x', 'ObjectExtra_1x'])
    expect(shadowsChunksOf(name, 'Object')).toBe(false);
});

const units: fc.Arbitrary<UnitPlace> = fc
  .record({
    database: fc.constantFrom('test101', 'wise_00'),
    transactionId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    name: fc.stringMatching(/^[a-z][a-z0-9_$]{0,54}$/),
    chunk: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1234567890 })),
    overlap: fc.boolean(),
  })
  .map(({ database, transactionId, name, chunk, overlap }) =>
    chunk === 0
      ? { database, transactionId, table: name, chunk, overlap: false }
      : { database, transactionId, table: name.slice(0, MAX_PARTITIONED_TABLE), chunk, overlap },
  );

test('locks and staging tables have legal names, locks one of their own for each unit', () => {
  fc.assert(
    fc.property(units, units, (a, b) => {
      expect(unitLock(a).length).toBeLessThanOrEqual(MAX_IDENTIFIER);
      const staging = stagingTable(a, '0123456789abcdef0123456789abcdef');
      expect(identifierFault(staging)).toBeUndefined();
      expect(staging.startsWith(stagingPrefix(a.database, a.transactionId))).toBe(true);
      expect(transactionOfStaging(staging)).toBe(a.transactionId);
      expect(unitLock(a) === unitLock(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      if (a.chunk > 0) expect(chunkTable(a.table, a.chunk, true).length).toBeLessThanOrEqual(MAX_IDENTIFIER);
    }),
  );
});
