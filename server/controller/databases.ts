import {
  deleteDatabase,
  listDatabases,
  publishDatabase,
  registerDatabase,
  unpublishDatabase,
} from '../../api/qserv/controller/databases';
import { toDatabaseDefinition } from '../../api/qserv/database';
import { toWireDatabase } from '../../api/qserv/descriptors';
import { missing } from '../../api/qserv/faults';
import { toBit } from '../../api/qserv/fields';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import { saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import { publishTexts, registrationTexts } from './database-texts';
import { workerFailure } from './worker-failures';

/** Databases, docs/contract/controller.md §4. */
export function databaseRoutes(controller: Controller): Route[] {
  return [
    route(registerDatabase, async ({ body, warn }) => {
      if (body.local_load_secondary_index !== undefined) {
        warn("Option 'local_load_secondary_index' is obsolete as of the version 20 of the API.");
      }
      const definition = toDatabaseDefinition(body);
      const database = await saying(
        registrationTexts(definition),
        () => controller.registerDatabase(definition, { mustBeNew: true }),
        workerFailure('database creation failed'),
      );
      return { database: toWireDatabase(database) };
    }),

    route(listDatabases, async ({ query, body }) => {
      const { family = '', all = true, published } = { ...query, ...body };
      if (!all && published === undefined) {
        const { kind, tail } = missing('published');
        throw new Refusal(kind, tail);
      }
      if (family !== '') await controller.family(family);
      const databases = (await controller.databases()).filter(
        (one) => (family === '' || one.family === family) && (all || one.isPublished === published),
      );
      return {
        databases: databases.map((one) => ({
          name: one.name,
          family: one.family,
          is_published: toBit(one.isPublished),
        })),
      };
    }),

    route(publishDatabase, async ({ params, body }) => {
      const options = {
        mustChange: true,
        consolidateDirectorIndex: body.consolidate_secondary_index,
        deployRowCounters: body.row_counters_deploy_at_qserv,
      };
      const { texts, others } = publishTexts(params.database);
      const { database } = await saying(texts, () => controller.publish(params.database, options), others);
      return { database: toWireDatabase(database) };
    }),

    route(unpublishDatabase, async ({ params: { database: name }, body: { publish }, isAdmin }) => {
      if (!isAdmin) throw new Refusal('E', "administrator's privileges are required to (un-)publish databases.");
      const already = (state: string) => () =>
        new Refusal('F', `CONFIG  _publishDatabase database '${name}' is ${state} published.`);
      const database = publish
        ? await saying({ DATABASE_PUBLISHED: already('already') }, () => controller.markPublished(name))
        : await saying({ ILLEGAL_STATE: already('not') }, () => controller.unpublish(name, { mustChange: true }));
      return { config: { databases: { [name]: toWireDatabase(database) } } };
    }),

    route(deleteDatabase, async ({ params, isAdmin }) => {
      const refused = () => new Refusal('E', "deleting published databases requires administrator's privileges.");
      await saying(
        { DATABASE_PUBLISHED: refused },
        () => controller.deleteDatabase(params.database, { published: isAdmin, mustChange: true }),
        workerFailure('database deletion failed'),
      );
      return {};
    }),
  ];
}
