import * as endpoints from '../../../api/qserv/controller/table-schema';
import { IngestError } from '../../core/errors';
import type { ColumnDefinition } from '../../core/tables';
import { isCode, refusalOf } from '../../remote/outcome';
import type { RemoteContext } from './context';

export async function tableSchema(
  context: RemoteContext,
  database: string,
  table: string,
): Promise<ColumnDefinition[]> {
  const reply = await context.call(endpoints.tableSchema, { params: { database, table } });
  return endpoints.fromWireSchema(database, table, reply);
}

export async function alterTable(context: RemoteContext, database: string, table: string, spec: string): Promise<void> {
  try {
    await context.call(endpoints.alterTable, { params: { database, table }, body: { spec } }, { long: true });
  } catch (error) {
    // MySQL has judged it on the table that queries see; nothing is changed.
    if (!isCode(error, 'INTERNAL') || !/errno: 1\d{3}\b/.test(refusalOf(error))) throw error;
    throw new IngestError('INVALID_INPUT', error.message, { ...error.details, said: refusalOf(error) });
  }
}
