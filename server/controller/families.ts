import { addFamily, deleteFamily } from '../../api/qserv/controller/families';
import { toWireFamily } from '../../api/qserv/descriptors';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError } from '../../ingest/core/errors';
import { explained, saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import { familyExists } from './database-texts';

/** Database families, docs/contract/controller.md §3. */
export function familyRoutes(controller: Controller): Route[] {
  return [
    route(addFamily, async ({ body }) => {
      const { name, overlap } = body;
      const { replication_level: replicationLevel, num_stripes: numStripes, num_sub_stripes: numSubStripes } = body;
      const family = await saying({ ALREADY_EXISTS: () => familyExists(name) }, () =>
        controller.addFamily({ name, replicationLevel, numStripes, numSubStripes, overlap }),
      );
      return { config: { database_families: { [name]: toWireFamily(family) } } };
    }),
    route(deleteFamily, async ({ params: { family }, query: { force = 0 } }) => {
      const texts = {
        ILLEGAL_STATE: (error: IngestError) => {
          const { length } = error.details.databases as string[];
          const tail = `the family '${family}' has ${length} member databases. Use 'force' flag to delete the family anyway.`;
          return new Refusal('F', `CONFIG  deleteDatabaseFamily ${tail}`, explained(error));
        },
      };
      await saying(texts, () => controller.deleteFamily(family, { force: force !== 0 }));
      return {};
    }),
  ];
}
