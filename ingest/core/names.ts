/** Names in MariaDB and Qserv: what is legal, and how tables, partitions, staging tables and locks are called. */

/** Chunk that every worker has and that never holds data. */
export const DUMMY_CHUNK = 1234567890;
/** First column of every table. */
export const TRANSACTION_COLUMN = 'qserv_trans_id';
/** Signed, as lsst/qserv has it, although ids are unsigned there. */
export const TRANSACTION_COLUMN_TYPE = 'INT NOT NULL';
/** Schema of the staging tables on every worker. */
export const STAGING_SCHEMA = 'qserv_ingest_staging';

/** MariaDB's limit for one identifier. */
export const MAX_IDENTIFIER = 64;
/** Room for `__` and `__rows` in names of qservMeta tables, docs/contract/README.md §4. */
export const MAX_DATABASE_AND_TABLE = 56;
/** `D_EmptyChunks` must be an identifier too. */
export const MAX_DATABASE = MAX_IDENTIFIER - '_EmptyChunks'.length;
/** `TFullOverlap_1234567890` must be an identifier too. */
export const MAX_PARTITIONED_TABLE = MAX_IDENTIFIER - 'FullOverlap_'.length - String(DUMMY_CHUNK).length;

/** Bytes that the name of a file may have, less what MariaDB adds to a table's: `#P#p4294967295#TMP#.MYD`. */
const MAX_FILE_NAME = 255 - '#P#p4294967295#TMP#.MYD'.length;

/** MariaDB writes `$` as `@0024` in the names of files. */
const fitsFile = (name: string) => name.replaceAll('$', '@0024').length <= MAX_FILE_NAME;

/** Schemas of MariaDB and Qserv that no catalog may be called. */
const SYSTEM_SCHEMAS = new Set(['mysql', 'information_schema', 'performance_schema', 'sys', 'q_memorylockdb']);

/** What is wrong with an identifier (MySQL's rules for unquoted ones), or undefined. */
export function identifierFault(name: string): string | undefined {
  if (name === '') return 'a name is missing';
  if (name.length > MAX_IDENTIFIER) return `'${name}' is longer than ${MAX_IDENTIFIER} characters`;
  if (!/^[A-Za-z0-9_$]+$/.test(name)) return `'${name}' is not a legal name: use letters, digits, "_" and "$"`;
  if (/^[0-9]+$/.test(name)) return `'${name}' is not a legal name: it consists of digits only`;
  return undefined;
}

/** What is wrong with the name of a catalog, or undefined. */
export function databaseNameFault(name: string): string | undefined {
  const fault = identifierFault(name);
  if (fault !== undefined) return fault;
  if (name.length > MAX_DATABASE) {
    return `'${name}' is longer than ${MAX_DATABASE} characters, so its list of empty chunks could not be named`;
  }
  if (!fitsFile(emptyChunksTable(name))) return tooManyDollars(name);
  const lower = name.toLowerCase();
  if (lower.startsWith('qserv')) return `'${name}' is reserved: names that begin with "qserv" belong to Qserv`;
  if (SYSTEM_SCHEMAS.has(lower) || lower.startsWith('subchunks_')) return `'${name}' is the name of a system schema`;
  return undefined;
}

/** What is wrong with the base name of a table of that database, or undefined. */
export function tableNameFault(database: string, table: string, partitioned: boolean): string | undefined {
  const fault = identifierFault(table);
  if (fault !== undefined) return fault;
  if (isTooLongWith(database, table)) {
    return `the combined size of the database and table names exceeds ${MAX_DATABASE_AND_TABLE} characters`;
  }
  if (partitioned && table.length > MAX_PARTITIONED_TABLE) {
    return `'${table}' is longer than ${MAX_PARTITIONED_TABLE} characters, so its overlap tables could not be named`;
  }
  const longest = [rowCountersTable(database, table), ...(partitioned ? [chunkTable(table, DUMMY_CHUNK, true)] : [])];
  return longest.every(fitsFile) ? undefined : tooManyDollars(table);
}

function tooManyDollars(name: string): string {
  return `'${name}' has so many "$" that its files could not be named`;
}

/** Whether tables in META_SCHEMA could not be named after these two. */
export function isTooLongWith(database: string, table: string): boolean {
  return database.length + table.length > MAX_DATABASE_AND_TABLE;
}

/** MariaDB compares column names without case, Qserv table names too. */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Name of a chunk's table: `T_C` or `TFullOverlap_C`. */
export function chunkTable(table: string, chunk: number, overlap: boolean): string {
  return `${table}${overlap ? 'FullOverlap' : ''}_${chunk}`;
}

export interface FinalTable {
  /** Base name. */
  table: string;
  /** Undefined for a regular table or a prototype. */
  chunk?: number;
  overlap: boolean;
}

/** Reads a final table's name, docs/contract/storage.md §2. `T_7` could also be a regular table: ask the records. */
export function parseFinalTable(name: string): FinalTable {
  const match = /^(.+)FullOverlap_([0-9]+)$/.exec(name);
  if (match?.[1] !== undefined) return { table: match[1], chunk: Number(match[2]), overlap: true };
  const chunk = /^(.+)_([0-9]+)$/.exec(name);
  if (chunk?.[1] !== undefined) return { table: chunk[1], chunk: Number(chunk[2]), overlap: false };
  return { table: name, overlap: false };
}

/** True when a table could have the name of a chunk table of the (partitioned) other one. */
export function shadowsChunksOf(name: string, partitioned: string): boolean {
  const lower = name.toLowerCase();
  const base = partitioned.toLowerCase();
  return (
    lower === `${base}fulloverlap` ||
    (lower.startsWith(base) && /^(fulloverlap)?_[0-9]+$/.test(lower.slice(base.length)))
  );
}

/** Partition of a super-transaction. */
export function partitionName(transactionId: number): string {
  return `p${transactionId}`;
}

/** Where a unit's rows go; the worker is the server on which the name is used. */
export interface UnitPlace {
  database: string;
  transactionId: number;
  table: string;
  /** 0 for regular tables. */
  chunk: number;
  overlap: boolean;
}

/**
 * Staging table of one attempt, in STAGING_SCHEMA. `attempt` (at most 32 characters of [0-9a-z]) makes it unique; the rest
 * tells people what it is for and may be cut.
 */
export function stagingTable(unit: UnitPlace, attempt: string): string {
  if (!/^[0-9a-z]{1,32}$/.test(attempt)) throw new RangeError(`not an attempt's name: ${attempt}`);
  const what = unit.chunk === 0 ? unit.table : chunkTable(unit.table, unit.chunk, unit.overlap);
  return `${stagingPrefix(unit.database, unit.transactionId)}${attempt}_${what}`.slice(0, MAX_IDENTIFIER);
}

/**
 * How the names of all staging tables of a super-transaction begin. Ids are unique within one instance only, and two of them
 * may use one server: hence the database, as a hash for want of room.
 */
export function stagingPrefix(database: string, transactionId: number): string {
  return `t${transactionId}_${hash(database)}_`;
}

/** Super-transaction of a staging table, if it is one. */
export function transactionOfStaging(name: string): number | undefined {
  const id = /^t([0-9]+)_[0-9a-z]+_[0-9a-z]+_/.exec(name)?.[1];
  return id === undefined ? undefined : Number(id);
}

/** FNV-1a, 32 bits, in base 36: spreads names, guards nothing. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(36).padStart(7, '0');
}

/**
 * MySQL user lock of a unit: the holder may attach. User locks belong to a whole server, hence the database; at most 64 characters,
 * hence hashes and base 36, and the table's name, which tells people what it is, may be cut.
 */
export function unitLock(unit: UnitPlace): string {
  const { database, transactionId, table, chunk, overlap } = unit;
  const place = `${hash(database)}${hash(table)}:${chunk.toString(36)}${overlap ? '+' : ''}`;
  return `q${transactionId.toString(36)}:${place}:${table}`.slice(0, MAX_IDENTIFIER);
}

/** MySQL user lock of whoever finds out what became of rows in the unit's partition: held together with the unit's own. */
export function settleLock(unit: UnitPlace): string {
  return `s${unitLock(unit).slice(1)}`;
}

/** Schema in which tables wait while they are exchanged with final tables (publish), on every worker. */
export const PUBLISH_SCHEMA = 'qserv_ingest_publish';

/** On the master: director indexes and row counters (docs/contract/storage.md §1 and §4). */
export const META_SCHEMA = 'qservMeta';
/** On the master: CSS key-value store and empty-chunk lists. */
export const CSS_SCHEMA = 'qservCssData';

/** Director index of a table, in META_SCHEMA. */
export function directorIndexTable(database: string, table: string): string {
  return `${database}__${table}`;
}

/** Deployed row counters of a table, in META_SCHEMA. */
export function rowCountersTable(database: string, table: string): string {
  return `${database}__${table}__rows`;
}

/** What a table may have in META_SCHEMA. `a` with `b__c` and `a__b` with `c` have the same there. */
export function metaTables(database: string, table: string, isDirector: boolean): string[] {
  return [...(isDirector ? [directorIndexTable(database, table)] : []), rowCountersTable(database, table)];
}

/** Empty-chunk list of a database, in CSS_SCHEMA. */
export function emptyChunksTable(database: string): string {
  return `${database}_EmptyChunks`;
}

/**
 * Name under which the next version of a published table is registered and loaded, beside the old one, until publish puts it in
 * its place. Always the same for a table; short, so that it fits wherever the table's own name does; never read as a chunk's.
 */
export function replacementName(table: string): string {
  return `next_v${hash(table)}`;
}
