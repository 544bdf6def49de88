import { type ColumnType, GEOMETRY, parseColumnType } from './columns';
import type { InputFault } from './errors';
import { MAX_IDENTIFIER, sameName } from './names';
import type { ColumnDefinition } from './tables';

/** Sorts of SQL indexes of final tables, docs/contract/controller.md §14. */
export const INDEX_SPECS = ['DEFAULT', 'UNIQUE', 'FULLTEXT', 'SPATIAL'] as const;
export type IndexSpec = (typeof INDEX_SPECS)[number];

/** One column of an index to make. */
export interface IndexColumn {
  column: string;
  /** Characters of a text, bytes of a binary column; 0 = the whole column. Default 0. */
  length?: number;
  /** Default true. */
  ascending?: boolean;
}

/** An index to make. Uniqueness holds within each final table only. */
export interface TableIndexDefinition {
  index: string;
  columns: IndexColumn[];
  /** Default DEFAULT: neither unique nor special. */
  spec?: IndexSpec;
  comment?: string;
}

/** Which final tables of a partitioned table: chunk tables (false, the default) or overlap tables. */
export interface IndexOverlap {
  overlap?: boolean;
}

/** MariaDB's limits. */
const MAX_COLUMNS = 32;
const MAX_COMMENT = 1024;

/** What is wrong with an index's name, or undefined. Names are quoted, so all that MariaDB can quote is legal. */
export function indexNameFault(name: string): string | undefined {
  if (name === '') return 'a name is missing';
  if (name.length > MAX_IDENTIFIER) return `'${name}' is longer than ${MAX_IDENTIFIER} characters`;
  // MariaDB takes no characters beyond the basic plane in names; control characters would only hide what an index is called.
  if (/\p{Cc}/u.test(name) || /[\ud800-\udfff]/.test(name)) {
    return `${JSON.stringify(name)} holds a character that no name may have`;
  }
  if (name.endsWith(' ')) return `'${name}' ends with a space`;
  if (sameName(name, 'PRIMARY')) return `'${name}' is the name of primary keys: choose another`;
  return undefined;
}

/** All faults of an index for a table with these columns (those of its descriptor); paths are relative to it (`columns[0].length`). */
export function tableIndexFaults(definition: TableIndexDefinition, columns: ColumnDefinition[]): InputFault[] {
  const { spec = 'DEFAULT', comment = '' } = definition;
  const faults: InputFault[] = [];
  const fault = (path: string, message: string) => faults.push({ path, message });
  const name = indexNameFault(definition.index);
  if (name !== undefined) fault('index', name);
  if (!INDEX_SPECS.includes(spec)) fault('spec', `'${spec}' is not one of ${INDEX_SPECS.join(', ')}`);
  if (comment.length > MAX_COMMENT) fault('comment', `it is longer than ${MAX_COMMENT} characters`);
  if (comment.includes('\0')) fault('comment', 'it holds a NUL character');
  const count = definition.columns.length;
  if (count === 0) fault('columns', 'an index needs at least one column');
  if (count > MAX_COLUMNS) fault('columns', `an index has at most ${MAX_COLUMNS} columns`);
  if (spec === 'SPATIAL' && count > 1) fault('columns', 'a SPATIAL index has one column');
  definition.columns.forEach((column, i) => {
    const path = `columns[${i}]`;
    const known = columns.find((c) => c.name === column.column);
    if (known === undefined) {
      fault(`${path}.column`, unknownColumn(column.column, columns));
      return;
    }
    if (definition.columns.findIndex((c) => c.column === column.column) < i) {
      fault(`${path}.column`, `column '${column.column}' is in the index already`);
    }
    const type = parseColumnType(known.type);
    if (typeof type === 'string') return;
    const wrong = lengthFault(column, spec, type);
    if (wrong !== undefined) fault(`${path}.length`, wrong);
    const unfit = specFault(column, spec, type);
    if (unfit !== undefined) fault(unfit.path === '' ? `${path}.column` : `${path}.${unfit.path}`, unfit.message);
  });
  return faults;
}

function unknownColumn(name: string, columns: ColumnDefinition[]): string {
  const near = columns.find((c) => sameName(c.name, name));
  const hint = near === undefined ? '' : `; did you mean '${near.name}'?`;
  return `requested column '${name}' has not been found in the table schema${hint}`;
}

/** Types of which an index may take a beginning. */
const isText = ({ base }: ColumnType) => /CHAR|TEXT|BLOB|BINARY|^LONG$|^JSON$/.test(base) || GEOMETRY.test(base);
/** Types of which it must. */
const isUnbounded = ({ base }: ColumnType) => /TEXT|BLOB|^LONG|^JSON$/.test(base) || GEOMETRY.test(base);

/** The n of CHAR(n) and the like, if the type says so. */
function declaredLength({ bare }: ColumnType): number | undefined {
  const n = /\((\d+)\)/.exec(bare)?.[1];
  return n === undefined ? undefined : Number(n);
}

function lengthFault({ column, length = 0 }: IndexColumn, spec: IndexSpec, type: ColumnType): string | undefined {
  if (!Number.isInteger(length) || length < 0)
    return `${length} is not a length: use a whole number, 0 for the whole column`;
  if (spec === 'FULLTEXT' || spec === 'SPATIAL') {
    return length === 0 ? undefined : `a ${spec} index takes whole columns: leave the length of '${column}' 0`;
  }
  if (length === 0) {
    return isUnbounded(type) ? `column '${column}' is a ${type.base}: say how much of it is indexed` : undefined;
  }
  if (!isText(type)) return `column '${column}' is a ${type.base}, of which no part can be indexed: leave the length 0`;
  const most = isUnbounded(type) ? undefined : (declaredLength(type) ?? 1);
  return most !== undefined && length > most ? `column '${column}' is a ${type.bare}: use at most ${most}` : undefined;
}

function specFault(
  { column, ascending = true }: IndexColumn,
  spec: IndexSpec,
  type: ColumnType,
): { path: string; message: string } | undefined {
  if (spec !== 'FULLTEXT' && spec !== 'SPATIAL') return undefined;
  if (!ascending) return { path: 'ascending', message: `a ${spec} index has no order: leave it true` };
  if (spec === 'FULLTEXT' && !/CHAR|TEXT/.test(type.base)) {
    return { path: '', message: `column '${column}' is a ${type.base}: a FULLTEXT index takes CHAR, VARCHAR and TEXT` };
  }
  if (spec === 'SPATIAL' && !(GEOMETRY.test(type.base) && type.notNull)) {
    return { path: '', message: `column '${column}' is no geometry that is NOT NULL, which a SPATIAL index takes` };
  }
  return undefined;
}

export interface TableIndexColumn {
  name: string;
  /** From 1. */
  seq: number;
  /** Length of the indexed part, 0 = the whole column. */
  subPart: number;
  collation: 'ASC' | 'DESC' | 'NOT_SORTED';
}

/** An index as one final table has it. */
export interface FoundIndex {
  name: string;
  unique: boolean;
  /** BTREE, FULLTEXT or SPATIAL. */
  type: string;
  comment: string;
  columns: TableIndexColumn[];
}

/** An index over all final tables of one sort. */
export interface TableIndex extends FoundIndex {
  /** INCOMPLETE: missing in some final tables. INCONSISTENT: they have different ones of the name; this is one of them. */
  status: 'COMPLETE' | 'INCOMPLETE' | 'INCONSISTENT';
  /** Final tables on all workers, and how many of them have the index. */
  replicasTotal: number;
  replicas: number;
}

/** The indexes of many final tables as one list, by name. */
export function combineIndexes(tables: FoundIndex[][]): TableIndex[] {
  const all = new Map<string, TableIndex>();
  for (const index of tables.flat()) {
    const known = all.get(index.name.toLowerCase());
    if (known === undefined) {
      all.set(index.name.toLowerCase(), { ...index, status: 'COMPLETE', replicasTotal: tables.length, replicas: 1 });
      continue;
    }
    known.replicas++;
    if (!sameIndex(known, index)) known.status = 'INCONSISTENT';
  }
  for (const index of all.values()) {
    if (index.status === 'COMPLETE' && index.replicas < index.replicasTotal) index.status = 'INCOMPLETE';
  }
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sameIndex(a: FoundIndex, b: FoundIndex): boolean {
  const text = ({ unique, type, columns }: FoundIndex) => JSON.stringify([unique, type, columns]);
  return text(a) === text(b);
}

/** In what an index that exists differs from the wanted one of the same name; names of its fields. Comments do not count. */
export function indexDifferences(
  wanted: TableIndexDefinition,
  found: FoundIndex,
  columns: ColumnDefinition[],
): string[] {
  const { spec = 'DEFAULT' } = wanted;
  const special = spec === 'FULLTEXT' || spec === 'SPATIAL';
  const differs: string[] = [];
  const kind = special ? found.type === spec : found.type === 'BTREE' && found.unique === (spec === 'UNIQUE');
  if (!kind) differs.push('spec');
  const text = (parts: [string, number, boolean][]) => JSON.stringify(parts);
  const asked = wanted.columns.map(({ column, length = 0, ascending = true }): [string, number, boolean] => {
    const type = parseColumnType(columns.find((c) => c.name === column)?.type ?? '');
    const whole = typeof type !== 'string' && !isUnbounded(type) && length === (declaredLength(type) ?? 1);
    return [column.toLowerCase(), special || whole ? 0 : length, special || ascending];
  });
  const there = [...found.columns]
    .sort((a, b) => a.seq - b.seq)
    .map((c): [string, number, boolean] => [
      c.name.toLowerCase(),
      special ? 0 : c.subPart,
      special || c.collation !== 'DESC',
    ]);
  if (text(asked) !== text(there)) differs.push('columns');
  return differs;
}
