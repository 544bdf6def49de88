import { IngestError, invalidInput } from '../../core/errors';
import { createSchema } from '../../storage/data/create-tables';
import type { Transaction } from '../../storage/metadata';
import {
  allDatabases,
  describeDatabase,
  familyOfGeometry,
  findCaseless,
  findDatabase,
  findFamily,
  insertDatabase,
  insertFamily,
} from '../../storage/metadata/databases';
import type { DatabaseDefinition, DatabaseDescriptor, RegisterOptions } from '../controller';
import { databaseFaults } from '../rules';
import type { NativeContext } from './context';
import { family, familyExists, lockFamilies } from './families';

export async function registerDatabase(
  context: NativeContext,
  definition: DatabaseDefinition,
  { mustBeNew = false }: RegisterOptions = {},
): Promise<DatabaseDescriptor> {
  const faults = databaseFaults(definition);
  if (faults.length > 0) throw invalidInput('database', faults);
  const { name } = definition;
  return context.changingDatabase(name, async (held) => {
    const twin = await context.metadata.run((sql) => findCaseless(sql, name));
    if (twin !== undefined) {
      throw new IngestError('ALREADY_EXISTS', `database '${twin}' differs from '${name}' in case only`, {
        database: twin,
      });
    }
    const known = await context.metadata.run((sql) => findDatabase(sql, name));
    if (known !== undefined && !mustBeNew) {
      await checkSame(context, known.family, known.autoBuildDirectorIndex, definition);
      return database(context, name);
    }
    // It stays, even where nothing else comes of it: docs/contract/controller.md §4.1.
    await context.metadata.transaction((tx) => familyFor(tx, definition));
    if (known !== undefined) {
      throw new IngestError('ALREADY_EXISTS', `the database '${name}' already exists`, { database: name });
    }
    await context.onWorkers((server) => createSchema(server, name));
    await held.check();
    const autoBuildDirectorIndex = definition.autoBuildDirectorIndex ?? true;
    await context.metadata.transaction(async (tx) => {
      // Somebody may have deleted it since.
      const family = await familyFor(tx, definition);
      await insertDatabase(tx, { name, family, autoBuildDirectorIndex });
    });
    return database(context, name);
  });
}

/** Name of the family with this partitioning, made when it is new. Families are looked for and made one at a time. */
async function familyFor(tx: Transaction, d: DatabaseDefinition): Promise<string> {
  await lockFamilies(tx);
  const known = await familyOfGeometry(tx, d.numStripes, d.numSubStripes);
  if (known !== undefined) return known.name;
  if (!(d.overlap > 0)) {
    throw invalidInput('database', [{ path: 'overlap', message: 'a new database family needs an overlap above 0' }]);
  }
  const name = `layout_${d.numStripes}_${d.numSubStripes}`;
  const { numStripes, numSubStripes, overlap } = d;
  // Made by hand, with another partitioning than its name says.
  if ((await findFamily(tx, name)) !== undefined) throw familyExists(name);
  await insertFamily(tx, { name, replicationLevel: 1, numStripes, numSubStripes, overlap });
  return name;
}

/** The overlap is not compared: the family's holds, whatever was asked for (docs/contract/controller.md §4.1). */
async function checkSame(
  context: NativeContext,
  familyName: string,
  autoBuild: boolean,
  asked: DatabaseDefinition,
): Promise<void> {
  const { numStripes, numSubStripes } = await family(context, familyName);
  const differs = [
    ...(numStripes === asked.numStripes ? [] : ['numStripes']),
    ...(numSubStripes === asked.numSubStripes ? [] : ['numSubStripes']),
    ...(autoBuild === (asked.autoBuildDirectorIndex ?? true) ? [] : ['autoBuildDirectorIndex']),
  ];
  if (differs.length === 0) return;
  const message = `the database '${asked.name}' already exists with another ${differs.join(', ')}`;
  throw new IngestError('ALREADY_EXISTS', message, { database: asked.name, differs });
}

export async function database(context: NativeContext, name: string): Promise<DatabaseDescriptor> {
  const record = await context.requireDatabase(name);
  return context.metadata.run((sql) => describeDatabase(sql, record));
}

export function databases(context: NativeContext): Promise<DatabaseDescriptor[]> {
  return context.metadata.run(async (sql) => {
    const records = await allDatabases(sql);
    return Promise.all(records.map((record) => describeDatabase(sql, record)));
  });
}
