import { IngestError, type InputFault, invalidInput } from '../core/errors';
import { type ChunkGeometry, geometryFault } from '../core/geometry';
import { databaseNameFault, identifierFault } from '../core/names';
import { definitionDifferences, type KnownTables, kindOf, type TableDefinition, tableFaults } from '../core/tables';
import { endingsOf, type TransactionState } from '../core/transactions';
import type { DatabaseDefinition, DatabaseDescriptor, FamilyDescriptor, TableDescriptor } from './controller';

/** Rules of the controller's operations that every backend keeps, before it changes anything. */

/** All faults of a new database's definition. */
export function databaseFaults(definition: DatabaseDefinition): InputFault[] {
  const faults: InputFault[] = [];
  const name = databaseNameFault(definition.name);
  if (name !== undefined) faults.push({ path: 'name', message: name });
  const geometry = geometryFault(definition.numStripes, definition.numSubStripes);
  if (geometry !== undefined) faults.push({ path: 'numStripes', message: geometry });
  if (!(definition.overlap >= 0)) faults.push({ path: 'overlap', message: "overlap can't have a negative value" });
  return faults;
}

/** All faults of a new family. */
export function familyFaults(given: FamilyDescriptor): InputFault[] {
  const faults: InputFault[] = [];
  const name = identifierFault(given.name);
  if (name !== undefined) faults.push({ path: 'name', message: name });
  if (!(given.replicationLevel >= 1)) {
    faults.push({ path: 'replicationLevel', message: 'the replication level must be above 0' });
  }
  const geometry = geometryFault(given.numStripes, given.numSubStripes);
  if (geometry !== undefined) faults.push({ path: 'numStripes', message: geometry });
  if (!(given.overlap > 0)) faults.push({ path: 'overlap', message: 'the overlap must be above 0' });
  return faults;
}

/** A table as messages call it. */
export function tableTitle(name: string, replaces?: string): string {
  return replaces === undefined ? `table ${name}` : `table ${replaces}, whose next version is loaded as ${name}`;
}

/** INVALID_INPUT with every fault of a new table; `all` is every database there is. */
export function checkTableRules(
  all: Pick<DatabaseDescriptor, 'name' | 'tables'>[],
  database: string,
  definition: TableDefinition,
  replaces?: string,
): void {
  const catalog = new Map(all.map(({ name, tables }) => [name, tables]));
  const known: KnownTables = {
    database,
    hasDatabase: (name) => catalog.has(name),
    // A next version is not yet what its table is: until then the table is what others refer to.
    table: (name, table) =>
      catalog.get(name)?.find((t) => t.definition.name === table && t.replaces === undefined)?.definition,
    elsewhere: [...catalog].flatMap(([name, tables]) =>
      name === database ? [] : tables.map((t) => ({ database: name, definition: t.definition })),
    ),
  };
  const others = (catalog.get(database) ?? []).map((t) => t.definition);
  const faults = tableFaults(definition, known, others);
  if (faults.length > 0) throw invalidInput(tableTitle(definition.name, replaces), faults);
}

/** ALREADY_EXISTS, naming what differs, when the registered table is another one than the one asked for. */
export function checkSameTable(
  database: string,
  known: TableDescriptor,
  asked: TableDefinition,
  replaces?: string,
): void {
  const differs = definitionDifferences(known.definition, asked);
  if (known.replaces !== replaces) differs.push('replaces');
  if (differs.length === 0) return;
  const message = `table '${database}.${asked.name}' already exists with another ${differs.join(', ')}`;
  throw new IngestError('ALREADY_EXISTS', message, { database, table: asked.name, differs });
}

/** Largest context, docs/contract/controller.md §6.1. */
const MAX_CONTEXT = 16 * 1024 * 1024;

/** Callers that take it from a request cannot know. */
export function isContext(context: unknown): context is Record<string, unknown> {
  return typeof context === 'object' && context !== null && !Array.isArray(context);
}

/** INVALID_INPUT for what cannot be the context of a super-transaction. */
export function checkContext(context: Record<string, unknown>): void {
  if (!isContext(context)) {
    throw new IngestError('INVALID_INPUT', 'the context of a super-transaction must be a JSON object', {
      field: 'context',
    });
  }
  if (Buffer.byteLength(JSON.stringify(context)) > MAX_CONTEXT) {
    throw new IngestError('INVALID_INPUT', 'the context of a super-transaction is larger than 16 MB');
  }
}

/** What publishing says of super-transactions that are not ended; by id. */
export function openTransactionsError(database: string, open: { id: number; state: TransactionState }[]): IngestError {
  const ids = open.map(({ id }) => id);
  const how = open.map(({ id, state }) => ({ id, state, end: endingsOf(state), remedy: remedy(id, endingsOf(state)) }));
  const message = `database has uncommitted transactions: ${open.map(({ id, state }) => `${id} (${state})`).join(', ')}`;
  return new IngestError('OPEN_TRANSACTIONS', message, { database, transactions: ids, open: how });
}

/** In words of Qserv's REST interface, which every face of the controller can use. */
function remedy(id: number, endings: ('commit' | 'abort')[]): string {
  const one = (ending: string) => `${ending} it: PUT /ingest/trans/${id}?abort=${ending === 'abort' ? 1 : 0}`;
  return endings.map(one).join(', or ');
}

/** A chunk list as INVALID_CHUNK names it. */
export function invalidChunks(
  bad: number[],
  { numStripes, numSubStripes }: Pick<ChunkGeometry, 'numStripes' | 'numSubStripes'>,
): IngestError {
  const some = bad.slice(0, 10).join(', ');
  const message = `not valid for ${numStripes} stripes of ${numSubStripes} sub-stripes: chunk ${some}${bad.length > 10 ? ', …' : ''}`;
  return new IngestError('INVALID_CHUNK', message, { chunks: bad });
}

/** ILLEGAL_STATE when tables of these databases refer to the director: without it no query of theirs finds its chunks. */
export function checkDependents(
  all: Pick<DatabaseDescriptor, 'name' | 'tables'>[],
  database: string,
  table: string,
): void {
  const dependents = all.flatMap(({ name, tables }) =>
    tables
      .filter(({ definition }) =>
        kindOf(definition)
          .directors(definition, name)
          .some((r) => r.database === database && r.table === table),
      )
      .map(({ definition }) => (name === database ? definition.name : `${name}.${definition.name}`)),
  );
  if (dependents.length === 0) return;
  const message = `can't remove the director table '${table}' from the database '${database}' because it has dependent tables: ${dependents.join(', ')}`;
  throw new IngestError('ILLEGAL_STATE', message, { database, table, dependents });
}
