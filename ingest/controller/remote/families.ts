import { addFamily as addEndpoint, deleteFamily as deleteEndpoint } from '../../../api/qserv/controller/families';
import { IngestError, invalidInput } from '../../core/errors';
import type { DeleteFamilyOptions, FamilyDescriptor, WorkerDescriptor } from '../administration';
import { familyFaults } from '../rules';
import { familyOf, type RemoteContext } from './context';

export async function families(context: RemoteContext): Promise<FamilyDescriptor[]> {
  return (await context.records()).families;
}

export async function family(context: RemoteContext, name: string): Promise<FamilyDescriptor> {
  return familyOf(await context.records(), name);
}

export async function addFamily(context: RemoteContext, given: FamilyDescriptor): Promise<FamilyDescriptor> {
  const faults = familyFaults(given);
  if (faults.length > 0) throw invalidInput('family', faults);
  const { name, replicationLevel, numStripes, numSubStripes, overlap } = given;
  const body = {
    name,
    replication_level: replicationLevel,
    num_stripes: numStripes,
    num_sub_stripes: numSubStripes,
    overlap,
  };
  await context.call(addEndpoint, { body });
  return family(context, name);
}

export async function deleteFamily(
  context: RemoteContext,
  name: string,
  { force = false }: DeleteFamilyOptions = {},
): Promise<void> {
  const records = await context.records();
  familyOf(records, name);
  const members = records.databases.filter((database) => database.family === name).map((database) => database.name);
  if (members.length > 0 && !force) throw hasMembers(name, members);
  await context.call(deleteEndpoint, { params: { family: name }, query: { force: force ? 1 : 0 } }, { long: true });
}

function hasMembers(name: string, databases: string[]): IngestError {
  const message = `the family '${name}' has ${databases.length} member databases; use 'force' to delete their records too`;
  return new IngestError('ILLEGAL_STATE', message, { family: name, databases });
}

export async function workers(context: RemoteContext): Promise<WorkerDescriptor[]> {
  return (await context.records()).workers;
}
