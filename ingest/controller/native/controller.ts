import type { IngestConfig } from '../../core/ingest-config';
import type { PlacementForm } from '../../core/placement';
import { noSteps, type StepHook } from '../../core/steps';
import type { IndexOverlap, TableIndexDefinition } from '../../core/table-indexes';
import type { TableDefinition } from '../../core/tables';
import { listTransactions } from '../../storage/metadata/transactions';
import type { DeleteFamilyOptions, FamilyDescriptor } from '../administration';
import type { ContributionFilter, ContributionParts } from '../contributions';
import type {
  ChangeOptions,
  Controller,
  ControllerCapabilities,
  DatabaseDefinition,
  DeleteOptions,
  DirectorIndexOptions,
  EndOptions,
  LocationScope,
  PublishOptions,
  RegisterOptions,
  RegisterTableOptions,
  TransactionFilter,
  TransactionParts,
} from '../controller';
import type { CollectRowCountersOptions, CreateTableIndexOptions, DeleteRowCountersOptions } from '../finishing';
import { alterTable, tableSchema } from './alter-table';
import { beginTransaction, findOrThrow } from './begin';
import { buildDirectorIndex } from './build-index';
import { ChunkAllocator } from './chunk-allocator';
import { chunkCount, chunks, locateRegular } from './chunks';
import { NativeContext, type NativeControllerOptions } from './context';
import { contribution, contributionSummaries, contributions } from './contributions';
import { countRows } from './counts';
import { database, databases, registerDatabase } from './databases';
import { deleteDatabase, deleteTable } from './delete';
import { rebuildEmptyChunks } from './empty-chunks';
import { endTransaction } from './end';
import { addFamily, deleteFamily, families, family } from './families';
import { changeIngestConfig, ingestConfig } from './ingest-config';
import { publish } from './publish/publish';
import { collectRowCounters, deleteRowCounters, deployRowCounters, rowCounters } from './row-counters';
import { scanRatings, setScanRating } from './scan-ratings';
import { createTableIndex, dropTableIndex, tableIndexes } from './table-indexes';
import { registerTable } from './tables';
import { markPublished, unpublish } from './unpublish';

export type { NativeServers, NativeWorkerAccess } from './context';

export const NATIVE_CAPABILITIES: ControllerCapabilities = {
  countRows: true,
  replaceTables: true,
  atomicUnits: true,
  compressedSources: true,
  reports: true,
};

/**
 * The controller over MariaDB servers of our own: records in PostgreSQL, all DDL that is not loading. Any number of processes
 * may run one for the same target. The records' database must be migrated; `close` leaves it open, it is the caller's.
 */
export class NativeController implements Controller {
  readonly capabilities = NATIVE_CAPABILITIES;
  private readonly context: NativeContext;
  private readonly allocator: ChunkAllocator;

  constructor(options: Omit<NativeControllerOptions, 'steps'> & { steps?: StepHook }) {
    this.context = new NativeContext({ ...options, steps: options.steps ?? noSteps });
    this.allocator = new ChunkAllocator(this.context);
  }

  registerDatabase(definition: DatabaseDefinition, options?: RegisterOptions) {
    return this.ready((context) => registerDatabase(context, definition, options));
  }

  registerTable(name: string, definition: TableDefinition, options?: RegisterTableOptions) {
    return this.ready((context) => registerTable(context, name, definition, options));
  }

  database(name: string) {
    return this.ready((context) => database(context, name));
  }

  databases() {
    return this.ready(databases);
  }

  families() {
    return this.ready(families);
  }

  family(name: string) {
    return this.ready((context) => family(context, name));
  }

  addFamily(given: FamilyDescriptor) {
    return this.ready((context) => addFamily(context, given));
  }

  deleteFamily(name: string, options?: DeleteFamilyOptions) {
    return this.ready((context) => deleteFamily(context, name, options));
  }

  workers() {
    return this.ready(async (context) => context.workerDescriptors());
  }

  beginTransaction(name: string, json: Record<string, unknown>) {
    return this.ready((context) => beginTransaction(context, name, json));
  }

  endTransaction(id: number, how: 'commit' | 'abort', json?: Record<string, unknown>, options?: EndOptions) {
    return this.ready((context) => endTransaction(context, id, how, json, options));
  }

  transaction(id: number, parts?: TransactionParts) {
    return this.ready((context) => findOrThrow(context, id, parts));
  }

  transactions(filter: TransactionFilter, parts?: TransactionParts) {
    return this.ready(async (context) => {
      if (filter.database !== undefined) await context.requireDatabase(filter.database);
      return context.metadata.run((sql) => listTransactions(sql, filter, parts));
    });
  }

  contribution(id: number, parts?: ContributionParts) {
    return this.ready((context) => contribution(context, id, parts));
  }

  contributions(filter: ContributionFilter, parts?: ContributionParts) {
    return this.ready((context) => contributions(context, filter, parts));
  }

  contributionSummaries(filter: ContributionFilter) {
    return this.ready((context) => contributionSummaries(context, filter));
  }

  locateRegular(scope: LocationScope) {
    return this.ready((context) => locateRegular(context, scope));
  }

  allocateChunks(scope: LocationScope, numbers: number[], form?: PlacementForm) {
    return this.ready(() => this.allocator.allocate(scope, numbers, form));
  }

  chunks(name: string) {
    return this.ready((context) => chunks(context, name));
  }

  chunkCount(name: string) {
    return this.ready((context) => chunkCount(context, name));
  }

  ingestConfig(name: string) {
    return this.ready((context) => ingestConfig(context, name));
  }

  setIngestConfig(name: string, changes: IngestConfig) {
    return this.ready((context) => changeIngestConfig(context, name, changes));
  }

  publish(name: string, options?: PublishOptions) {
    return this.ready((context) => publish(context, name, options));
  }

  unpublish(name: string, options?: ChangeOptions) {
    return this.ready((context) => unpublish(context, name, options));
  }

  markPublished(name: string) {
    return this.ready((context) => markPublished(context, name));
  }

  rebuildEmptyChunks(name: string, options: { force?: boolean } = {}) {
    return this.ready((context) => rebuildEmptyChunks(context, name, options.force));
  }

  buildDirectorIndex(name: string, table: string, options?: DirectorIndexOptions) {
    return this.ready((context) => buildDirectorIndex(context, name, table, options));
  }

  countRows(name: string) {
    return this.ready((context) => countRows(context, name));
  }

  deleteTable(name: string, table: string, options?: DeleteOptions) {
    return this.ready((context) => deleteTable(context, name, table, options));
  }

  deleteDatabase(name: string, options?: DeleteOptions) {
    return this.ready((context) => deleteDatabase(context, name, options));
  }

  collectRowCounters(name: string, table: string, options?: CollectRowCountersOptions) {
    return this.ready((context) => collectRowCounters(context, name, table, options));
  }

  deployRowCounters(name: string, table: string) {
    return this.ready((context) => deployRowCounters(context, name, table));
  }

  rowCounters(name: string, table: string) {
    return this.ready((context) => rowCounters(context, name, table));
  }

  deleteRowCounters(name: string, table: string, options?: DeleteRowCountersOptions) {
    return this.ready((context) => deleteRowCounters(context, name, table, options));
  }

  createTableIndex(name: string, table: string, index: TableIndexDefinition, options?: CreateTableIndexOptions) {
    return this.ready((context) => createTableIndex(context, name, table, index, options));
  }

  tableIndexes(name: string, table: string, options?: IndexOverlap) {
    return this.ready((context) => tableIndexes(context, name, table, options));
  }

  dropTableIndex(name: string, table: string, index: string, options?: IndexOverlap) {
    return this.ready((context) => dropTableIndex(context, name, table, index, options));
  }

  scanRatings() {
    return this.ready(scanRatings);
  }

  setScanRating(name: string, table: string, rating: number) {
    return this.ready((context) => setScanRating(context, name, table, rating));
  }

  tableSchema(name: string, table: string) {
    return this.ready((context) => tableSchema(context, name, table));
  }

  alterTable(name: string, table: string, spec: string) {
    return this.ready((context) => alterTable(context, name, table, spec));
  }

  close() {
    return this.context.close();
  }

  private async ready<T>(work: (context: NativeContext) => Promise<T>): Promise<T> {
    await this.context.ready();
    return work(this.context);
  }
}
