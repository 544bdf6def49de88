import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { newSeed } from '../../../test/support/hostile';
import { dataServer } from '../../../test/support/registered';
import { sharedMariaDb } from '../../../test/support/servers';
import { parseAlteration } from '../../core/alteration';
import { inKnownMode, tryAlteration } from './alter-table';
import type { DataServer } from './connection';
import { shownColumns } from './table-columns';

let server: DataServer;
const database = `alter_${randomBytes(5).toString('hex')}`;

beforeAll(async () => {
  server = dataServer('master', await sharedMariaDb('master'));
  await server.run('create', `CREATE DATABASE ${database}`);
  for (const table of ['t', 'other']) {
    await server.run(
      'create',
      `CREATE TABLE ${database}.${table} (a INT NOT NULL, b VARCHAR(9) COMMENT 'x, \`y\`') ENGINE=MyISAM`,
    );
  }
});
afterAll(async () => {
  await server.run('drop', `DROP DATABASE ${database}`);
  await server.close();
});

const shown = async () => {
  const tables = await server.rows('list', `SHOW TABLES FROM ${database}`);
  const names = tables.flatMap((row) => Object.values(row)).map(String);
  return Promise.all(names.map(async (name) => [name, await shownColumns(server, database, name)]));
};
const attempt = (sql: string) =>
  server.connection('try', (connection) =>
    inKnownMode(connection, () => tryAlteration(connection, database, 't', sql)),
  );

test('a change is judged by MariaDB, and nothing is changed by it', async () => {
  const before = await shown();
  expect(await attempt('ADD c INT AFTER a, MODIFY b TEXT')).toEqual([
    { name: 'a', definition: 'int(11) NOT NULL' },
    { name: 'c', definition: 'int(11) DEFAULT NULL' },
    { name: 'b', definition: 'text DEFAULT NULL' },
  ]);
  await expect(attempt('DROP c')).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { errno: 1091, said: "Can't DROP COLUMN `c`; check that it exists" },
  });
  expect(await shown()).toEqual(before);
});

test('texts are read in one SQL mode, whatever the server has, which the connection has again afterwards', async () => {
  await server.connection('try', async (connection) => {
    await connection.run('mode', "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
    const columns = await inKnownMode(connection, () =>
      tryAlteration(connection, database, 't', `ADD c INT COMMENT "a", ADD d INT COMMENT 'it\\'s'`),
    );
    expect(columns.slice(2)).toEqual([
      { name: 'c', definition: "int(11) DEFAULT NULL COMMENT 'a'" },
      { name: 'd', definition: "int(11) DEFAULT NULL COMMENT 'it''s'" },
    ]);
    expect(await connection.rows('mode', 'SELECT @@sql_mode = @@global.sql_mode AS same')).toEqual([{ same: 1 }]);
  });
});

/** What passes the grammar more often than not, with names and texts that want to be something else. */
const name = fc.constantFrom('a', 'b', '`b`', 'c', '`c d`', '`; DROP TABLE other; -- `', '`x``y`', 'other', '`t`.`a`');
const text = fc.constantFrom("'x'", "'it''s'", "'\\''", "'; DROP TABLE other; -- '", '"y"', "'`'", "'\\\\'", "'/*'");
const type = fc.oneof(
  fc.constantFrom('INT', 'VARCHAR(5)', 'DOUBLE NOT NULL', 'INT AS (a + 1)', 'CHAR(3) CHARACTER SET utf8mb4', 'BLOB'),
  text.map((value) => `VARCHAR(30) DEFAULT ${value}`),
  text.map((value) => `ENUM(${value}, 'z') COMMENT ${value}`),
);
const clause = fc.oneof(
  fc.tuple(name, type).map(([n, t]) => `ADD ${n} ${t}`),
  fc.tuple(name, type, name).map(([n, t, m]) => `ADD COLUMN IF NOT EXISTS ${n} ${t} AFTER ${m}`),
  fc.tuple(name, name, type).map(([n, m, t]) => `CHANGE ${n} ${m} ${t}`),
  fc.tuple(name, type).map(([n, t]) => `MODIFY ${n} ${t}`),
  name.map((n) => `DROP COLUMN IF EXISTS ${n}`),
  fc.tuple(name, text).map(([n, t]) => `ALTER ${n} SET DEFAULT ${t}`),
  fc.tuple(name, name).map(([n, m]) => `RENAME COLUMN ${n} TO ${m}`),
  text.map((value) => `COMMENT = ${value}`),
);

test('whatever the grammar takes stays a change of this one table', async () => {
  const before = await shown();
  const seed = newSeed('changes of a table');
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(clause, { minLength: 1, maxLength: 4 }), async (clauses) => {
      const read = parseAlteration(clauses.join(', '));
      if (typeof read === 'string') return;
      judged++;
      const outcome = await attempt(read.sql).catch((error) => error);
      if (Array.isArray(outcome)) return;
      expect(outcome).toMatchObject({ code: 'INVALID_INPUT' });
      // That it is no SQL at all: then MariaDB would read something else in it than the grammar does.
      expect(outcome.details.errno).not.toBe(1064);
    }),
    { numRuns: 400, seed },
  );
  expect(judged).toBeGreaterThan(100);
  expect(await shown()).toEqual(before);
});
