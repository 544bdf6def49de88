import { Refusal } from '../../api/qserv/refusal';
import { toWireTable } from '../../api/qserv/table-descriptor';
import type { IngestError, InputFault } from '../../ingest/core/errors';
import { TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../ingest/core/names';
import { SUB_CHUNK_COLUMN, type TableDefinition } from '../../ingest/core/tables';
import { explained, type RefusalTexts } from '../http/refusals';
import { workerFailure } from './worker-failures';

/** One broken rule in Qserv's words. `field` is the value of the field that the fault names. */
type Text = (fault: InputFault, definition: TableDefinition, field: string) => string;

/** Refusals of their own, before Qserv's other checks. */
const EXPLICIT: Record<string, Text> = {
  'schema.empty': () => 'table schema is empty',
  'column.prohibited': (fault, { schema }) => {
    const { name, type } = schema[columnNumber(fault)] ?? { name: '', type: '' };
    return `the prohibited type '${type}' detected in a definition of the column '${name}' of the director table`;
  },
  'column.reserved': ({ message }) => message,
};

/** In the order in which Qserv checks, all kinds together (lsst/qserv src/replica/config/ConfigDatabase.cc). */
const VALIDATED: Record<string, Text> = {
  'name.length': ({ message }) => message,
  'director.key': () => 'the director table definition requires a valid director key',
  'director.coordinates': () => 'the director table requires both spatial coordinate columns',
  'refMatch.directors': ({ message }) => message,
  'reference.database': (_, __, field) => {
    const { database, table } = taken(field);
    return `non-existing database '${database}' referenced in the spec of the director table '${table}'`;
  },
  'reference.table': (_, { kind }, field) => {
    const { database, table } = taken(field);
    return kind === 'refMatch'
      ? `non-existing director '${table}' referenced in the RefMatch definition`
      : `non-existing director table referenced database='${database}' table='${table}' in the dependent table definition`;
  },
  'reference.kind': (_, { kind }, field) => {
    const { database, table } = taken(field);
    return kind === 'refMatch'
      ? `table '${table}' referenced in the RefMatch definition isn't the director`
      : `a table referenced database='${database}' table='${table}' in the dependent table definition isn't the director table`;
  },
  'refMatch.key': () => 'incomplete definition of the director table keys for the RefMatch table',
  'refMatch.keys': ({ message }) => message,
  'refMatch.flag': () => 'the RefMatch table requires the special column to store flags',
  'refMatch.angSep': ({ message }) => message,
  'dependent.coordinates': () => 'inconsistent definition of the spatial coordinate columns',
  'column.missing': ({ path }, _, field) =>
    `no matching column '${field}' found in schema for parameter '${ROLES[path]}'`,
};

/** Qserv's names of the columns that a kind needs; it looks for them in the order of these names. */
const ROLES: Record<string, string> = {
  directorKey: 'directorTable.primaryKeyColumn()',
  directorKey2: 'directorTable2.primaryKeyColumn()',
  flag: 'flagColName',
  latitudeKey: 'latitudeColName',
  longitudeKey: 'longitudeColName',
  schema: 'subChunkIdColName',
};

/** Qserv's words for what can be wrong with a new table. */
export function tableTexts(database: string, definition: TableDefinition): RefusalTexts {
  return {
    DATABASE_PUBLISHED: () => new Refusal('E', 'the database is already published'),
    ALREADY_EXISTS: (error) => new Refusal('E', 'table already exists', explained(error)),
    INVALID_INPUT: (error) => creationFailure(error) ?? ruleText(error, database, definition),
  };
}

/** A final table could not be made on a worker, or would be refused by its MySQL. */
export function creationFailure(error: IngestError): Refusal | undefined {
  const { finalTable } = error.details;
  return finalTable === undefined ? undefined : workerFailure(`table creation failed for: '${finalTable}'`)(error);
}

function ruleText(error: IngestError, database: string, definition: TableDefinition): Refusal | undefined {
  const { faults = [] } = error.details as { faults?: InputFault[] };
  const explicit = firstOf(faults, EXPLICIT, columnNumber);
  if (explicit !== undefined) return new Refusal('E', textOf(EXPLICIT, explicit, definition), explained(error));
  const broken = firstOf(faults, VALIDATED, rankOf);
  if (broken === undefined) return undefined;
  const tail = `DatabaseInfo::validate ${textOf(VALIDATED, broken, definition)}`;
  return new Refusal('P', `${tail} [database=${database}] ${shown(database, definition)}`, explained(error));
}

/** The fault that Qserv meets first, of those that `texts` has words for. */
function firstOf(faults: InputFault[], texts: Record<string, Text>, rank: (fault: InputFault) => number) {
  return faults.filter(({ rule = '' }) => texts[rule] !== undefined).sort((a, b) => rank(a) - rank(b))[0];
}

function textOf(texts: Record<string, Text>, fault: InputFault, definition: TableDefinition): string {
  const field = ({ ...definition } as Record<string, unknown>)[fault.path];
  const value = typeof field === 'string' ? field : SUB_CHUNK_COLUMN;
  return texts[fault.rule ?? '']?.(fault, definition, value) ?? fault.message;
}

const ORDER = Object.keys(VALIDATED);

function rankOf({ path, rule = '' }: InputFault): number {
  // References are looked at one after the other, each in all respects.
  if (rule.startsWith('reference.')) return ORDER.indexOf('reference.database');
  const columns = Object.keys(ROLES);
  return ORDER.indexOf(rule) + (rule === 'column.missing' ? columns.indexOf(path) : 0);
}

/** Of `schema[2].type`. */
function columnNumber({ path }: InputFault): number {
  return Number(/\[(\d+)\]/.exec(path)?.[1] ?? -1);
}

/** A reference as it was given, taken apart. */
function taken(reference: string): { database: string; table: string } {
  const dot = reference.indexOf('.');
  return { database: reference.slice(0, Math.max(0, dot)), table: reference.slice(dot + 1) };
}

/** The table as a reply has it, keys in the order of a real server's. */
function shown(database: string, definition: TableDefinition): string {
  const columns = [{ name: TRANSACTION_COLUMN, type: TRANSACTION_COLUMN_TYPE }, ...definition.schema];
  const times = { isPublished: false, createTime: Date.now(), publishTime: 0 };
  const wire = Object.entries(toWireTable(database, { definition, columns, ...times }));
  return JSON.stringify(Object.fromEntries(wire.sort(([a], [b]) => (a < b ? -1 : 1))));
}
