import type { Controller, DatabaseDescriptor } from '../controller/controller';
import { IngestError } from '../core/errors';

/** The database as it is registered, if it is. */
export async function describeDatabase(controller: Controller, name: string): Promise<DatabaseDescriptor | undefined> {
  try {
    return await controller.database(name);
  } catch (error) {
    if (error instanceof IngestError && error.code === 'UNKNOWN_DATABASE') return undefined;
    throw error;
  }
}
