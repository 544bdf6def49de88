import { IngestError } from '../../../core/errors';
import type { TableDescriptor } from '../../../core/tables';
import type { HeldLocks } from '../../../storage/metadata/locks';
import { replicasOf } from '../../../storage/metadata/replicas';
import { tablesOf } from '../../../storage/metadata/tables';
import { openTransactions } from '../../../storage/metadata/transactions';
import type { FamilyDescriptor, PublishOptions, PublishReport } from '../../controller';
import { openTransactionsError } from '../../rules';
import { halfDeleted, type NativeContext, unpublished } from '../context';
import { family } from '../families';
import { byWorker } from '../final-tables';

/** One call of publish: what its phases share. */
export interface PublishRun {
  context: NativeContext;
  held: HeldLocks;
  database: string;
  family: FamilyDescriptor;
  options: PublishOptions;
  /** Every table of the database. */
  tables: TableDescriptor[];
  /** Those whose final tables are to be finished. */
  unpublished: TableDescriptor[];
  /** Unpublished ones that come under a name of their own: all but next versions of published tables. */
  added: TableDescriptor[];
  /** Chunks by worker, without the dummy. */
  chunks: Map<string, number[]>;
  /** Filled by the phases. */
  report: Pick<PublishReport, 'renamed' | 'copied'>;
  /** Announces the change that follows, and makes sure that it may be made. */
  step(name: string, detail?: Record<string, unknown>): Promise<void>;
}

/** Looks at the database and refuses what cannot be published, in the contract's order: docs/contract/controller.md §4.3. */
export async function prepareRun(
  context: NativeContext,
  held: HeldLocks,
  record: { name: string; family: string },
  options: PublishOptions,
): Promise<PublishRun> {
  const database = record.name;
  await checkTransactions(context, database);
  const chunks = await chunksOf(context, database);
  const tables = await context.metadata.run((sql) => tablesOf(sql, database));
  checkSchemas(database, unpublished(tables));
  const half = tables.find((table) => table.beingDeleted);
  if (half !== undefined) throw halfDeleted('ILLEGAL_STATE', database, half);
  return {
    context,
    held,
    database,
    family: await family(context, record.family),
    options,
    tables,
    unpublished: unpublished(tables),
    added: unpublished(tables).filter((table) => table.replaces === undefined),
    chunks,
    report: { renamed: 0, copied: 0 },
    step: async (name, detail = {}) => {
      await context.steps(name, { database, ...detail });
      await held.check();
    },
  };
}

async function checkTransactions(context: NativeContext, database: string): Promise<void> {
  const open = await context.metadata.run((sql) => openTransactions(sql, database));
  if (open.length === 0) return;
  throw openTransactionsError(database, open);
}

/** Chunks by worker; ILLEGAL_STATE without any, of which the dummy chunk is one. */
async function chunksOf(context: NativeContext, database: string): Promise<Map<string, number[]>> {
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  if (replicas.length > 0) return byWorker(context, replicas);
  throw new IngestError('ILLEGAL_STATE', "the database doesn't have any chunks", { database });
}

function checkSchemas(database: string, tables: TableDescriptor[]): void {
  const empty = tables.find(({ definition }) => definition.schema.length === 0);
  if (empty === undefined) return;
  const { name } = empty.definition;
  throw new IngestError('ILLEGAL_STATE', `schema is empty for table: '${name}'`, { database, table: name });
}
