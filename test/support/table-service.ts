import { newCatalog } from '../../ingest/controller/contract';
import { type Answer, ControllerService } from './controller-service';

export const column = (name: string, type = 'BIGINT NOT NULL') => ({ name, type });

/** Bodies of requests that register tables, all but their database: a director, its dependent, and a regular table. */
export const OBJECT = {
  table: 'Object',
  is_partitioned: 1,
  director_table: '',
  director_key: 'objectId',
  latitude_key: 'decl',
  longitude_key: 'ra',
  schema: [column('objectId'), column('ra', 'DOUBLE'), column('decl', 'DOUBLE'), column('subChunkId', 'INT NOT NULL')],
};
export const SOURCE = {
  table: 'Source',
  is_partitioned: 1,
  director_table: 'Object',
  director_key: 'objectId',
  schema: [column('sourceId'), column('objectId')],
};
export const FILTER = { table: 'Filter', is_partitioned: 0, schema: [column('filterId', 'TEXT')] };

/** A controller service with two databases, and requests for tables of the first one. Close it. */
export class TableService {
  private constructor(
    readonly service: ControllerService,
    /** Has director Object, its dependent Source and the regular table Filter. */
    readonly database: string,
    /** Has a director Ref. */
    readonly other: string,
  ) {}

  static async start(): Promise<TableService> {
    const service = await ControllerService.start();
    const [database, other] = [await newDatabase(service), await newDatabase(service)];
    const tables = new TableService(service, database, other);
    const registered = [OBJECT, SOURCE, FILTER, { ...OBJECT, database: other, table: 'Ref' }];
    for (const table of registered) {
      const { error } = await tables.add(table);
      if (error !== '') throw new Error(error);
    }
    return tables;
  }

  /** The body that registers a match of the directors of both databases. */
  get match() {
    return {
      table: 'Match',
      is_partitioned: 1,
      director_table: 'Object',
      director_key: 'objectId',
      director_table2: `${this.other}.Ref`,
      director_key2: 'refId',
      flag: 'flags',
      ang_sep: 0.01,
      schema: [column('objectId'), column('refId'), column('flags', 'INT')],
    };
  }

  add(table: Record<string, unknown>, of = this.service): Promise<Answer> {
    return of.call('POST', '/ingest/table', { body: { database: this.database, ...table } });
  }

  remove(name: string, options: { admin?: boolean; of?: ControllerService; from?: string } = {}): Promise<Answer> {
    const { of = this.service, from = this.database, admin } = options;
    return of.call('DELETE', `/ingest/table/${from}/${name}`, { admin });
  }

  /** Another database, without tables; returns its name. */
  newDatabase(): Promise<string> {
    return newDatabase(this.service);
  }

  close(): Promise<void> {
    return this.service.close();
  }
}

async function newDatabase(service: ControllerService): Promise<string> {
  return (await service.controller.registerDatabase(newCatalog())).name;
}
