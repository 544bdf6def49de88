import type { InputFault } from '../errors';
import type { DefinitionOf, DirectorReference, KnownTables, TableKind } from './kind';
import { columnFault, directorReference, referenceFaults } from './references';

function directors(definition: DefinitionOf<'dependent'>, database: string): DirectorReference[] {
  return [{ field: 'director', ...directorReference(definition.director, database), key: definition.directorKey }];
}

function validate(definition: DefinitionOf<'dependent'>, known: KnownTables): InputFault[] {
  const faults = directors(definition, known.database).flatMap((reference) => referenceFaults(reference, known));
  if (definition.directorKey === '') {
    faults.push({ path: 'directorKey', message: 'a dependent table needs the column that refers to its director' });
  } else faults.push(...columnFault(definition, 'directorKey', definition.directorKey));
  const { longitudeKey = '', latitudeKey = '' } = definition;
  if ((longitudeKey === '') !== (latitudeKey === '')) {
    const path = longitudeKey === '' ? 'longitudeKey' : 'latitudeKey';
    const message = 'inconsistent definition of the spatial coordinate columns: give both or none';
    faults.push({ path, rule: 'dependent.coordinates', message });
  }
  if (longitudeKey !== '') faults.push(...columnFault(definition, 'longitudeKey', longitudeKey));
  if (latitudeKey !== '') faults.push(...columnFault(definition, 'latitudeKey', latitudeKey));
  return faults;
}

export const dependent: TableKind<'dependent'> = {
  partitioned: true,
  sharedScans: true,
  validate,
  columnFaults: () => [],
  keyColumns: ({ directorKey, longitudeKey = '', latitudeKey = '' }) =>
    [directorKey, longitudeKey, latitudeKey].filter((name) => name !== ''),
  directors,
};
