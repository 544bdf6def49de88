import { IngestError, invalidInput } from '../../core/errors';
import type { Transaction } from '../../storage/metadata';
import {
  allFamilies,
  databasesOfFamily,
  deleteFamilyRecord,
  findFamily,
  insertFamily,
} from '../../storage/metadata/databases';
import type { DeleteFamilyOptions, FamilyDescriptor } from '../administration';
import { familyFaults } from '../rules';
import type { NativeContext } from './context';

/** Families are looked for, made and deleted one at a time. Who holds a database's lock may take this one, not the other way round. */
export async function lockFamilies(tx: Transaction): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(hashtextextended('families', 0))`;
}

export function families(context: NativeContext): Promise<FamilyDescriptor[]> {
  return context.metadata.run(allFamilies);
}

export async function family(context: NativeContext, name: string): Promise<FamilyDescriptor> {
  const found = await context.metadata.run((sql) => findFamily(sql, name));
  if (found === undefined)
    throw new IngestError('UNKNOWN_FAMILY', `no such database family '${name}'`, { family: name });
  return found;
}

export async function addFamily(context: NativeContext, given: FamilyDescriptor): Promise<FamilyDescriptor> {
  const faults = familyFaults(given);
  if (faults.length > 0) throw invalidInput('family', faults);
  const { name } = given;
  return context.metadata.transaction(async (tx) => {
    await lockFamilies(tx);
    if ((await findFamily(tx, name)) !== undefined) throw familyExists(name);
    await insertFamily(tx, given);
    return given;
  });
}

export function familyExists(name: string): IngestError {
  return new IngestError('ALREADY_EXISTS', `the family '${name}' already exists`, { family: name });
}

/** Nothing else may happen in any of its databases meanwhile. */
export async function deleteFamily(
  context: NativeContext,
  name: string,
  { force = false }: DeleteFamilyOptions = {},
): Promise<void> {
  await family(context, name);
  const members = await context.metadata.run((sql) => databasesOfFamily(sql, name));
  await context.changingDatabases(force ? members : [], async (held) => {
    await held.check();
    await context.metadata.transaction(async (tx) => {
      await lockFamilies(tx);
      const databases = (await databasesOfFamily(tx, name)).sort();
      if (!force && databases.length > 0) {
        const message = `the family '${name}' has ${databases.length} member databases; use 'force' to delete their records too`;
        throw new IngestError('ILLEGAL_STATE', message, { family: name, databases });
      }
      if (databases.some((database) => !members.includes(database))) {
        throw new IngestError('BUSY', `databases of the family '${name}' are being registered`, { family: name });
      }
      await deleteFamilyRecord(tx, name);
    });
  });
}
