import { IngestError } from '../../core/errors';
import { CSS_SCHEMA, META_SCHEMA } from '../../core/names';
import { whileBusy } from './again';
import { quoteId, quoteTable, type Statements } from './connection';
import { grantToQserv } from './registration';

/**
 * Schemas that the MariaDB of a Qserv czar has from its installation (lsst/qserv python/lsst/qserv/schema/migrations/czar). Whoever
 * writes there calls this first: a plain MariaDB gets what ingest needs of them, those of a real Qserv are used as they are.
 */

/** The CSS key-value store, in CSS_SCHEMA. */
export const KV_TABLE = quoteTable(CSS_SCHEMA, 'kvData');

/** The version of the CSS metadata that is written here (lsst/qserv src/css/constants.h). */
const CSS_VERSION = '1';

/** Seconds for which statements that meet another process's are repeated. */
const BUSY_SECONDS = 10;

/** Makes the schema of director indexes and row counters if it is missing. */
export async function ensureMetaSchema(master: Statements): Promise<void> {
  if (await hasSchema(master, META_SCHEMA)) return;
  await makeSchema(master, META_SCHEMA);
}

/**
 * Makes the schema of the CSS metadata and of the empty-chunk lists if it is missing, with the key-value store and its version.
 * ILLEGAL_STATE when the store has another version: nothing may be written there.
 */
export async function ensureCssSchema(master: Statements): Promise<void> {
  const version = await cssVersion(master);
  if (version === CSS_VERSION) return;
  if (version !== undefined) {
    const message = `the CSS metadata of the master has version '${version}', this service writes version '${CSS_VERSION}'`;
    throw new IngestError('ILLEGAL_STATE', message, { version, expected: CSS_VERSION });
  }
  await makeSchema(master, CSS_SCHEMA);
  await master.run(
    'make the CSS key-value store',
    `CREATE TABLE IF NOT EXISTS ${KV_TABLE} (
      kvId INT NOT NULL AUTO_INCREMENT,
      kvKey CHAR(255) NOT NULL COMMENT 'slash delimited path',
      kvVal TEXT NOT NULL COMMENT 'value for key',
      parentKvId INT NULL COMMENT 'id of parent key',
      PRIMARY KEY (kvId),
      CONSTRAINT kvData_parent_key FOREIGN KEY (parentKvId) REFERENCES ${KV_TABLE} (kvId),
      UNIQUE INDEX kvData_kvKey_UNIQUE (kvKey)
    ) ENGINE=InnoDB`,
  );
  await addKey(master, '', '');
  await addKey(master, '/css_meta', '', '');
  await addKey(master, '/css_meta/version', CSS_VERSION, '/css_meta');
}

/** Undefined when there is no version, no store or no schema. */
async function cssVersion(master: Statements): Promise<string | undefined> {
  const [table] = await master.rows(
    'look for the CSS key-value store',
    "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'kvData'",
    [CSS_SCHEMA],
  );
  if (table === undefined) return undefined;
  const [row] = await master.rows<{ kvVal: string }>(
    'read the version of the CSS metadata',
    `SELECT kvVal FROM ${KV_TABLE} WHERE kvKey = '/css_meta/version'`,
  );
  return row?.kvVal;
}

async function hasSchema(master: Statements, schema: string): Promise<boolean> {
  const rows = await master.rows(
    `look for ${schema}`,
    'SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
    [schema],
  );
  return rows.length > 0;
}

async function makeSchema(master: Statements, schema: string): Promise<void> {
  const charset = 'DEFAULT CHARACTER SET utf8 COLLATE utf8_general_ci';
  // Granted first: a schema that is there is not looked at again.
  await grantToQserv(master, schema);
  await master.run(`make ${schema}`, `CREATE DATABASE IF NOT EXISTS ${quoteId(schema)} ${charset}`);
}

async function addKey(master: Statements, key: string, value: string, parent?: string): Promise<void> {
  const id = parent === undefined ? 'NULL' : 'p.kvId';
  const from = parent === undefined ? '' : ` FROM ${KV_TABLE} p WHERE p.kvKey = ?`;
  const sql = `INSERT IGNORE INTO ${KV_TABLE} (kvKey, kvVal, parentKvId) SELECT ?, ?, ${id}${from}`;
  const values = [key, value, ...(parent === undefined ? [] : [parent])];
  await whileBusy(BUSY_SECONDS, () => master.run(`make CSS key '${key}'`, sql, values));
}
