import {
  createTableIndex,
  dropTableIndex,
  fromWireIndex,
  tableIndexes,
  toWireIndexes,
} from '../../api/qserv/controller/table-indexes';
import type { GotBy } from '../../api/qserv/endpoint';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError, InputFault } from '../../ingest/core/errors';
import { explained } from '../http/refusals';
import { type Route, route } from '../http/route';
import { listing } from './failures';
import { jobFailed } from './job-failed';

/** SQL indexes of final tables, docs/contract/controller.md §14. */
export function tableIndexRoutes(controller: Controller): Route[] {
  return [
    route(tableIndexes, async ({ params: { database, table }, query: { overlap } }) => {
      const found = await listing(jobFailed, texts, () => controller.tableIndexes(database, table, { overlap }));
      return toWireIndexes(database, table, overlap, found);
    }),
    route(createTableIndex, async ({ body }) => {
      const { database, table, overlap, ignore_duplicate_key: ignoreDuplicateKey } = body;
      await listing(jobFailed, textsFor(body), () =>
        controller.createTableIndex(database, table, fromWireIndex(body), { overlap, ignoreDuplicateKey }),
      );
      return {};
    }),
    route(dropTableIndex, async ({ body: { database, table, index, overlap } }) => {
      await listing(jobFailed, texts, () => controller.dropTableIndex(database, table, index, { overlap }));
      return {};
    }),
  ];
}

const texts = {
  ILLEGAL_STATE: ({ details }: IngestError) =>
    details.isPublished === false ? new Refusal('E', 'table is not published') : undefined,
};

/** Columns that the table does not have are called by their names; other faults of an index a real server leaves to MySQL. */
function textsFor({ columns }: GotBy<typeof createTableIndex>['body']) {
  const INVALID_INPUT = (error: IngestError) => {
    const faults = (error.details.faults ?? []) as InputFault[];
    const fault = faults.find(({ message }) => message.startsWith('requested column '));
    const column = columns[Number(/^columns\[(\d+)\]/.exec(fault?.path ?? '')?.[1])]?.column;
    if (column === undefined) return undefined;
    const tail = `HTTP-PROCESSOR ::_createIndexes  requested column '${column}' has not been found in the table schema.`;
    return new Refusal('P', tail, explained(error));
  };
  return { ...texts, INVALID_INPUT };
}
