import { setSharedScan, sharedScans, toWireSharedScans } from '../../api/qserv/controller/shared-scan';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError, InputFault } from '../../ingest/core/errors';
import { saying } from '../http/refusals';
import { type Route, route } from '../http/route';

/** Shared-scan ratings, docs/contract/controller.md §13. */
export function sharedScanRoutes(controller: Controller): Route[] {
  const all = async () => toWireSharedScans(await controller.scanRatings());
  return [
    route(sharedScans, all),
    route(setSharedScan, async ({ params: { database, table }, body: { scanRating } }) => {
      const texts = {
        INVALID_INPUT: ({ details }: IngestError) =>
          (details.faults as InputFault[] | undefined)?.some(({ path }) => path === 'table')
            ? new Refusal(
                'P',
                `HTTP-PROCESSOR ::_cssUpdate  the table must be partitioned and not a reference match: ${database}.${table}`,
              )
            : undefined,
        UNKNOWN_TABLE: ({ details }: IngestError) =>
          details.missing === undefined ? undefined : new Refusal('F', `Table '${database}.${table}' does not exist.`),
      };
      await saying(texts, () => controller.setScanRating(database, table, scanRating));
      return all();
    }),
  ];
}
