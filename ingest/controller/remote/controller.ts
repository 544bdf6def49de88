import { IngestError } from '../../core/errors';
import type { IngestConfig } from '../../core/ingest-config';
import type { PlacementForm } from '../../core/placement';
import type { IndexOverlap, TableIndexDefinition } from '../../core/table-indexes';
import type { TableDefinition } from '../../core/tables';
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
  TableCount,
  TransactionFilter,
  TransactionParts,
} from '../controller';
import type { CollectRowCountersOptions, CreateTableIndexOptions, DeleteRowCountersOptions } from '../finishing';
import { beginTransaction } from './begin';
import { buildDirectorIndex } from './build-index';
import { allocateChunks, chunkCount, chunks, locateRegular } from './chunks';
import { RemoteContext, type RemoteControllerOptions } from './context';
import { contribution, contributionSummaries, contributions } from './contributions';
import { database, databases, registerDatabase } from './databases';
import { deleteDatabase, deleteTable } from './delete';
import { rebuildEmptyChunks } from './empty-chunks';
import { endTransaction } from './end';
import { addFamily, deleteFamily, families, family, workers } from './families';
import { ingestConfig, setIngestConfig } from './ingest-config';
import { publish } from './publish';
import { collectRowCounters, deleteRowCounters, deployRowCounters, rowCounters } from './row-counters';
import { scanRatings, setScanRating } from './scan-ratings';
import { createTableIndex, dropTableIndex, tableIndexes } from './table-indexes';
import { alterTable, tableSchema } from './table-schema';
import { registerTable } from './tables';
import { transaction, transactions } from './transactions';
import { markPublished, unpublish } from './unpublish';

export type { RemoteControllerOptions } from './context';

export const REMOTE_CAPABILITIES: ControllerCapabilities = {
  countRows: false,
  replaceTables: false,
  atomicUnits: false,
  compressedSources: false,
  reports: false,
};

/**
 * The controller of a Qserv that is driven over REST, docs/contract/controller.md. Safe to repeat as the interface says, whatever
 * becomes of a reply; docs/contract/publishing.md §4. Requests are sent once: what to do after UNAVAILABLE is the caller's.
 */
export class RemoteController implements Controller {
  readonly capabilities = REMOTE_CAPABILITIES;
  /** What the workers' backend asks the controller. */
  readonly context: RemoteContext;

  constructor(options: RemoteControllerOptions) {
    this.context = new RemoteContext(options);
  }

  registerDatabase(definition: DatabaseDefinition, options?: RegisterOptions) {
    return registerDatabase(this.context, definition, options);
  }

  registerTable(name: string, definition: TableDefinition, options?: RegisterTableOptions) {
    return registerTable(this.context, name, definition, options);
  }

  database(name: string) {
    return database(this.context, name);
  }

  databases() {
    return databases(this.context);
  }

  families() {
    return families(this.context);
  }

  family(name: string) {
    return family(this.context, name);
  }

  addFamily(given: FamilyDescriptor) {
    return addFamily(this.context, given);
  }

  deleteFamily(name: string, options?: DeleteFamilyOptions) {
    return deleteFamily(this.context, name, options);
  }

  workers() {
    return workers(this.context);
  }

  beginTransaction(name: string, json: Record<string, unknown>) {
    return beginTransaction(this.context, name, json);
  }

  endTransaction(id: number, how: 'commit' | 'abort', json?: Record<string, unknown>, options?: EndOptions) {
    return endTransaction(this.context, id, how, json, options);
  }

  transaction(id: number, parts?: TransactionParts) {
    return transaction(this.context, id, parts);
  }

  transactions(filter: TransactionFilter, parts?: TransactionParts) {
    return transactions(this.context, filter, parts);
  }

  contribution(id: number, parts?: ContributionParts) {
    return contribution(this.context, id, parts);
  }

  contributions(filter: ContributionFilter, parts?: ContributionParts) {
    return contributions(this.context, filter, parts);
  }

  contributionSummaries(filter: ContributionFilter) {
    return contributionSummaries(this.context, filter);
  }

  locateRegular(scope: LocationScope) {
    return locateRegular(this.context, scope);
  }

  allocateChunks(scope: LocationScope, numbers: number[], form?: PlacementForm) {
    return allocateChunks(this.context, scope, numbers, form);
  }

  chunks(name: string) {
    return chunks(this.context, name);
  }

  chunkCount(name: string) {
    return chunkCount(this.context, name);
  }

  ingestConfig(name: string) {
    return ingestConfig(this.context, name);
  }

  setIngestConfig(name: string, changes: IngestConfig) {
    return setIngestConfig(this.context, name, changes);
  }

  publish(name: string, options?: PublishOptions) {
    return this.changing(name, () => publish(this.context, name, options));
  }

  unpublish(name: string, options?: ChangeOptions) {
    return this.changing(name, () => unpublish(this.context, name, options));
  }

  markPublished(name: string) {
    return this.changing(name, () => markPublished(this.context, name));
  }

  rebuildEmptyChunks(name: string, options: { force?: boolean } = {}) {
    return rebuildEmptyChunks(this.context, name, options.force);
  }

  buildDirectorIndex(name: string, table: string, options?: DirectorIndexOptions) {
    return this.changing(name, () => buildDirectorIndex(this.context, name, table, options));
  }

  countRows(name: string): Promise<TableCount[]> {
    const message = `the tables of '${name}' cannot be counted through a controller of Qserv (capability countRows)`;
    return Promise.reject(new IngestError('INVALID_INPUT', message, { capability: 'countRows' }));
  }

  deleteTable(name: string, table: string, options?: DeleteOptions) {
    return this.changing(name, () => deleteTable(this.context, name, table, options));
  }

  deleteDatabase(name: string, options?: DeleteOptions) {
    return this.changing(name, () => deleteDatabase(this.context, name, options));
  }

  collectRowCounters(name: string, table: string, options?: CollectRowCountersOptions) {
    return this.changing(name, () => collectRowCounters(this.context, name, table, options));
  }

  deployRowCounters(name: string, table: string) {
    return this.changing(name, () => deployRowCounters(this.context, name, table));
  }

  rowCounters(name: string, table: string) {
    return rowCounters(this.context, name, table);
  }

  deleteRowCounters(name: string, table: string, options?: DeleteRowCountersOptions) {
    return deleteRowCounters(this.context, name, table, options);
  }

  createTableIndex(name: string, table: string, index: TableIndexDefinition, options?: CreateTableIndexOptions) {
    return this.changing(name, () => createTableIndex(this.context, name, table, index, options));
  }

  tableIndexes(name: string, table: string, options?: IndexOverlap) {
    return tableIndexes(this.context, name, table, options);
  }

  dropTableIndex(name: string, table: string, index: string, options?: IndexOverlap) {
    return this.changing(name, () => dropTableIndex(this.context, name, table, index, options));
  }

  scanRatings() {
    return scanRatings(this.context);
  }

  setScanRating(name: string, table: string, rating: number) {
    return setScanRating(this.context, name, table, rating);
  }

  tableSchema(name: string, table: string) {
    return tableSchema(this.context, name, table);
  }

  alterTable(name: string, table: string, spec: string) {
    return alterTable(this.context, name, table, spec);
  }

  /**
   * Operations on a database that Qserv may be at for hours come one after the other: a call that repeats one whose reply nobody
   * waits for any more finds what became of it, instead of asking for the same work twice.
   */
  private changing<T>(database: string, work: () => Promise<T>): Promise<T> {
    return this.context.oneAtATime(`database ${database}`, work);
  }

  close() {
    return this.context.close();
  }
}
