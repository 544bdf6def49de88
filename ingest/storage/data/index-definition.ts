import { createHash } from 'node:crypto';
import { parseColumnType } from '../../core/columns';
import { IngestError } from '../../core/errors';
import {
  directorIndexTable,
  MAX_IDENTIFIER,
  sameName,
  TRANSACTION_COLUMN,
  TRANSACTION_COLUMN_TYPE,
} from '../../core/names';
import { normalDefinition, type TableDescriptor } from '../../core/tables';
import { SUB_CHUNK_COLUMN } from '../../core/tables/director';
import { quoteId } from './connection';
import { charsetClause } from './create-tables';

/** What a director index is called, and what it is made of, docs/contract/storage.md §4. */

/** Names that belong to an index: its progress marks, the one being built, the one that was replaced. */
interface IndexNames {
  index: string;
  /** Marks of super-transactions' layers, in PUBLISH_SCHEMA like the rest. */
  marks: string;
  /** Built on request, with unique keys or without. */
  build(unique: boolean): string;
  buildMarks(unique: boolean): string;
  old: string;
}

/** The same after a restart. */
export function indexNames(database: string, table: string): IndexNames {
  const hash = createHash('sha256').update(`${database}.${table}`).digest('hex').slice(0, 20);
  const name = (what: string) => `${what}_${hash}_${directorIndexTable(database, table)}`.slice(0, MAX_IDENTIFIER);
  return {
    index: directorIndexTable(database, table),
    marks: name('index_marks'),
    build: (unique) => name(unique ? 'index_unique' : 'index_plain'),
    buildMarks: (unique) => name(unique ? 'marks_unique' : 'marks_plain'),
    old: name('index_old'),
  };
}

/** What of a director goes into its index. INVALID_INPUT for a table that is none. */
export function indexedColumns(table: TableDescriptor): { key: string; keyType: string; subChunkType: string } {
  const { definition } = table;
  if (definition.kind !== 'director') {
    throw new IngestError('INVALID_INPUT', `table '${definition.name}' is not a director table`, {
      table: definition.name,
    });
  }
  const typeOf = (name: string) => {
    const column = table.columns.find((c) => sameName(c.name, name));
    const read = parseColumnType(column?.type ?? '');
    if (column === undefined || typeof read === 'string') {
      throw new IngestError('INTERNAL', `table '${definition.name}' is recorded without a usable column '${name}'`);
    }
    // What generates it is not there.
    return read.generated ? `${read.bare}${read.notNull ? ' NOT NULL' : ''}` : column.type;
  };
  return {
    key: definition.directorKey,
    keyType: typeOf(definition.directorKey),
    subChunkType: typeOf(SUB_CHUNK_COLUMN),
  };
}

/** Columns, keys, engine and charset of an index. */
export function indexBody(table: TableDescriptor, form: 'automatic' | 'onRequest', unique: boolean): string {
  const { key, keyType, subChunkType } = indexedColumns(table);
  const id = quoteId(key);
  const kind = unique ? 'UNIQUE KEY' : 'KEY';
  const tail = `ENGINE=InnoDB ${charsetClause(table)}`;
  const chunk = `${quoteId('chunkId')} INT`;
  const subChunk = quoteId(SUB_CHUNK_COLUMN);
  switch (form) {
    case 'automatic': {
      const transaction = quoteId(TRANSACTION_COLUMN);
      return `(${transaction} ${TRANSACTION_COLUMN_TYPE}, ${id} ${keyType}, ${chunk}, ${subChunk} INT,
        ${kind} (${transaction}, ${id}), KEY (${id})) ${tail}`;
    }
    case 'onRequest':
      return `(${id} ${keyType}, ${chunk}, ${subChunk} ${subChunkType}, ${kind} (${id})) ${tail}`;
    default:
      return form satisfies never;
  }
}

/** Whether the director's index takes each key once. */
export function isUnique({ definition: given }: TableDescriptor): boolean {
  const definition = normalDefinition(given);
  return definition.kind === 'director' && definition.uniquePrimaryKey !== false;
}
