import * as endpoints from '../../../api/qserv/controller/table-indexes';
import { toBit } from '../../../api/qserv/fields';
import { IngestError, invalidInput } from '../../core/errors';
import {
  type IndexOverlap,
  type TableIndex,
  type TableIndexDefinition,
  tableIndexFaults,
} from '../../core/table-indexes';
import type { TableDescriptor } from '../../core/tables';
import type { CreateTableIndexOptions } from '../finishing';
import type { RemoteContext } from './context';

export async function createTableIndex(
  context: RemoteContext,
  database: string,
  table: string,
  definition: TableIndexDefinition,
  { overlap = false, ignoreDuplicateKey = true }: CreateTableIndexOptions = {},
): Promise<void> {
  const { columns } = await requirePublished(context, database, table);
  const faults = tableIndexFaults(definition, columns);
  if (faults.length > 0) throw invalidInput(`index of ${database}.${table}`, faults);
  const options = { overlap: toBit(overlap), ignore_duplicate_key: toBit(ignoreDuplicateKey) };
  const body = { database, table, ...endpoints.toWireIndex(definition), ...options };
  await context.call(endpoints.createTableIndex, { body }, { long: true });
}

export async function tableIndexes(
  context: RemoteContext,
  database: string,
  table: string,
  { overlap = false }: IndexOverlap = {},
): Promise<TableIndex[]> {
  const sent = { params: { database, table }, query: { overlap: toBit(overlap) } };
  const reply = await context.call(endpoints.tableIndexes, sent, { long: true });
  return endpoints.fromWireIndexes(reply).sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function dropTableIndex(
  context: RemoteContext,
  database: string,
  table: string,
  index: string,
  { overlap = false }: IndexOverlap = {},
): Promise<void> {
  const body = { database, table, index, overlap: toBit(overlap) };
  await context.call(endpoints.dropTableIndex, { body }, { long: true });
}

async function requirePublished(context: RemoteContext, database: string, name: string): Promise<TableDescriptor> {
  const table = await context.requireTable(database, name);
  if (table.isPublished) return table;
  throw new IngestError('ILLEGAL_STATE', `table is not published: '${database}.${name}'`, { database, table: name });
}
