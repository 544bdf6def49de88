import { rebuildEmptyChunks, toWireEmptyChunks } from '../../api/qserv/controller/empty-chunks';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import { emptyChunksTable } from '../../ingest/core/names';
import { saying, tableExists } from '../http/refusals';
import { type Route, route } from '../http/route';

/** The empty-chunk list, docs/contract/controller.md §10. */
export function emptyChunkRoutes(controller: Controller): Route[] {
  return [
    route(rebuildEmptyChunks, async ({ body: { database, force } }) => {
      const texts = {
        DATABASE_PUBLISHED: () => new Refusal('P', 'database is already published'),
        ALREADY_EXISTS: () => tableExists(emptyChunksTable(database)),
      };
      return toWireEmptyChunks(await saying(texts, () => controller.rebuildEmptyChunks(database, { force })));
    }),
  ];
}
