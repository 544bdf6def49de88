import { CATALOG_TABLES } from '../../ingest/controller/contract';
import type { TableDefinition } from '../../ingest/core/tables';
import type { DataServer } from '../../ingest/storage/data/connection';
import { ControllerService } from './controller-service';
import { dataServer, loadedCatalog, registerCatalog } from './registered';

/** A ref-match table of the catalogs' two directors. */
const MATCH: TableDefinition = {
  kind: 'refMatch',
  name: 'Match',
  director: 'Object',
  directorKey: 'objectId',
  director2: 'Other',
  directorKey2: 'otherId',
  flag: 'flags',
  angSep: 0.01,
  schema: [
    { name: 'objectId', type: 'BIGINT NOT NULL' },
    { name: 'otherId', type: 'BIGINT NOT NULL' },
    { name: 'flags', type: 'INT NOT NULL' },
  ],
};

/** A controller service, catalogs behind it, and the servers that hold them. Close it. */
export class ServedCatalogs {
  readonly master: DataServer;
  readonly workers: Map<string, DataServer>;

  private constructor(readonly service: ControllerService) {
    const { master, workers } = service.servers;
    this.master = dataServer('master', master);
    this.workers = new Map(workers.map(({ name, mysql }) => [name, dataServer(name, mysql)]));
  }

  static async start(): Promise<ServedCatalogs> {
    return new ServedCatalogs(await ControllerService.start());
  }

  /** Tables Object, Source and Filter, and two more that make a ref-match table: Other and Match. */
  async withMatch(): Promise<string> {
    const { controller } = this.service;
    const database = await registerCatalog(controller);
    await controller.registerTable(database, { ...CATALOG_TABLES.object, name: 'Other' });
    await controller.registerTable(database, MATCH);
    return database;
  }

  /** Tables Object, Source and Filter, with rows of Object in chunk 7480 on `server`; published unless told otherwise. */
  loaded(options: { rows?: number; publish?: boolean } = {}): ReturnType<typeof loadedCatalog> {
    return loadedCatalog(this.service.controller, this.workers, options);
  }

  async close(): Promise<void> {
    await Promise.all([this.master, ...this.workers.values()].map((server) => server.close()));
    await this.service.close();
  }
}
