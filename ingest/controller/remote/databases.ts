import { registerDatabase as endpoint } from '../../../api/qserv/controller/databases';
import { IngestError, invalidInput } from '../../core/errors';
import { sameName } from '../../core/names';
import { isCode } from '../../remote/outcome';
import type { DatabaseDefinition, DatabaseDescriptor, RegisterOptions } from '../controller';
import { databaseFaults } from '../rules';
import { databaseOf, familyOf, type Records, type RemoteContext } from './context';

export async function registerDatabase(
  context: RemoteContext,
  definition: DatabaseDefinition,
  { mustBeNew = false }: RegisterOptions = {},
): Promise<DatabaseDescriptor> {
  const faults = databaseFaults(definition);
  if (faults.length > 0) throw invalidInput('database', faults);
  const records = await context.records();
  const twin = records.databases.find((d) => d.name !== definition.name && sameName(d.name, definition.name));
  if (twin !== undefined) {
    throw new IngestError('ALREADY_EXISTS', `database '${twin.name}' differs from '${definition.name}' in case only`, {
      database: twin.name,
    });
  }
  if (records.databases.some(({ name }) => name === definition.name)) return known(records, definition, mustBeNew);
  const { name, numStripes, numSubStripes, overlap, autoBuildDirectorIndex = true } = definition;
  const family = records.families.find((f) => f.numStripes === numStripes && f.numSubStripes === numSubStripes);
  if (family === undefined && !(overlap > 0)) {
    throw invalidInput('database', [{ path: 'overlap', message: 'a new database family needs an overlap above 0' }]);
  }
  try {
    const body = {
      database: name,
      num_stripes: numStripes,
      num_sub_stripes: numSubStripes,
      overlap,
      auto_build_secondary_index: autoBuildDirectorIndex ? 1 : 0,
    };
    await context.call(endpoint, { body }, { long: true });
  } catch (error) {
    // Somebody else was faster; or the name of the new family is taken.
    if (!isCode(error, 'ALREADY_EXISTS') || error.details.family !== undefined) throw error;
    return known(await context.records(), definition, mustBeNew);
  }
  return context.requireDatabase(name);
}

/** Whether director indexes are built at commit is not to be seen from outside, and not compared. */
function known(records: Records, asked: DatabaseDefinition, mustBeNew: boolean): DatabaseDescriptor {
  const { name } = asked;
  if (mustBeNew) {
    throw new IngestError('ALREADY_EXISTS', `the database '${name}' already exists`, { database: name });
  }
  const database = databaseOf(records, name);
  const family = familyOf(records, database.family);
  const differs = (['numStripes', 'numSubStripes'] as const).filter((field) => family[field] !== asked[field]);
  if (differs.length === 0) return database;
  const message = `the database '${name}' already exists with another ${differs.join(', ')}`;
  throw new IngestError('ALREADY_EXISTS', message, { database: name, differs });
}

export function database(context: RemoteContext, name: string): Promise<DatabaseDescriptor> {
  return context.requireDatabase(name);
}

export async function databases(context: RemoteContext): Promise<DatabaseDescriptor[]> {
  return (await context.records()).databases;
}
