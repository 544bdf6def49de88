import { getConfig } from '../../api/qserv/controller/config';
import { toWireDatabase, toWireFamily, toWireWorker } from '../../api/qserv/descriptors';
import { toBit } from '../../api/qserv/fields';
import type { Controller } from '../../ingest/controller/controller';
import { type Route, route } from '../http/route';
import { type Parameter, parameters } from './parameters';
import type { ServiceSettings } from './services';

/** What is configured and registered, docs/contract/controller.md §2. */
export function configRoutes(controller: Controller, settings: ServiceSettings): Route[] {
  const general = parameters(settings.parameters);
  const { czars = [] } = settings;
  return [
    route(getConfig, async () => {
      const [workers, families, databases] = await Promise.all([
        controller.workers(),
        controller.families(),
        controller.databases(),
      ]);
      return {
        config: {
          general: each(general, ({ value }) => value),
          meta: each(general, ({ description, secret }) => ({
            // Nothing can be changed through this service.
            read_only: 0 as const,
            description,
            security_context: toBit(secret === true),
          })),
          workers: orNull(workers.map(toWireWorker)),
          database_families: orNull(families.map(toWireFamily)),
          databases: orNull(databases.map(toWireDatabase)),
          czars: orNull(czars),
        },
      };
    }),
  ];
}

function each<T>(
  all: Record<string, Record<string, Parameter>>,
  of: (parameter: Parameter) => T,
): Record<string, Record<string, T>> {
  const category = (known: Record<string, Parameter>) =>
    Object.fromEntries(Object.entries(known).map(([name, one]) => [name, of(one)]));
  return Object.fromEntries(Object.entries(all).map(([name, known]) => [name, category(known)]));
}

/** A section without members is `null` in a real server's reply. */
function orNull<T>(section: T[]): T[] | null {
  return section.length === 0 ? null : section;
}
