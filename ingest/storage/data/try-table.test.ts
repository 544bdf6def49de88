import fc from 'fast-check';
import { hostileType, newSeed } from '../../../test/support/hostile';
import { sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { parseColumnType } from '../../core/columns';
import type { TableDescriptor } from '../../core/tables';
import { DataServer } from './connection';
import { tryDefinition } from './try-table';

/** Seconds on an idle machine; others may have work too. */
jest.setTimeout(120_000);

let server: DataServer;
const database = uniqueName('try');

beforeAll(async () => {
  server = new DataServer('w1', await sharedMariaDb('w1'));
  await server.run('make', `CREATE DATABASE ${database}`);
});

afterAll(async () => {
  await server.run('drop', `DROP DATABASE ${database}`);
  await server.close();
});

function table(...types: string[]): TableDescriptor {
  const columns = ['INT NOT NULL', 'INT', ...types].map((type, i) => ({
    name: i === 0 ? 'qserv_trans_id' : `c${i - 1}`,
    type,
  }));
  const definition = { kind: 'regular' as const, name: 'T', schema: columns.slice(1) };
  return { definition, columns, isPublished: false, createTime: 0, publishTime: 0 };
}

const attempt = (tried: TableDescriptor, on = server) =>
  on
    .connection('test', (connection) => tryDefinition(connection, database, tried))
    .then(
      () => undefined,
      (error) => error,
    );

test.each<[string, string[], string, string]>([
  [
    'grammar',
    ["CHAR(3) DEFAULT X'zz'"],
    'schema[1].type',
    "column c1 of table T: its grammar has no type 'CHAR(3) DEFAULT X'zz''",
  ],
  ['value', ['INT', "INT DEFAULT 'a'"], 'schema[2].type', "column c2 of table T: Invalid default value for 'c2'"],
  ['function', ['INT DEFAULT (NO_SUCH())'], 'schema[1].type', 'FUNCTION NO_SUCH does not exist'],
  ['reference', ['INT AS (c9 + 1)'], 'schema[1].type', "Unknown column 'c9'"],
  ['all together', Array.from({ length: 3 }, () => 'VARCHAR(30000)'), 'schema', 'table T: Row size too large'],
])('a refusal names the column: %s', async (_, types, path, said) => {
  const error = await attempt(table(...types));
  expect(error).toMatchObject({
    code: 'INVALID_INPUT',
    details: { faults: [{ path, message: expect.stringContaining(said) }] },
  });
});

test('what passes the grammar is taken or refused by MariaDB, and nothing else happens', async () => {
  await server.run('make', `CREATE TABLE ${database}.sentinel SELECT seq FROM ${database}.seq_1_to_100`);
  const types = fc.sample(hostileType, { numRuns: 1500, seed: newSeed('column types') });
  const outcomes = { taken: 0, refused: 0 };
  for (const type of types) {
    if (typeof parseColumnType(type) === 'string') continue;
    const error = await attempt(table(type));
    if (error === undefined) outcomes.taken++;
    else {
      outcomes.refused++;
      expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.not.stringContaining('SQL syntax') });
    }
  }
  expect(outcomes).toEqual({ taken: expect.any(Number), refused: expect.any(Number) });
  expect(outcomes.taken).toBeGreaterThan(50);
  const [row] = await server.rows('sentinel', `SELECT COUNT(*) AS n FROM ${database}.sentinel`);
  expect(row).toEqual({ n: 100 });
  expect(await server.rows('tables', `SHOW TABLES IN ${database}`)).toHaveLength(1);
});
