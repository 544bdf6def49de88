import type { InputFault } from '../errors';
import type { DefinitionOf, DirectorReference, KnownTables, TableKind } from './kind';
import { columnFault, directorReference, referenceFaults } from './references';

function directors(definition: DefinitionOf<'refMatch'>, database: string): DirectorReference[] {
  return [
    { field: 'director', ...directorReference(definition.director, database), key: definition.directorKey },
    { field: 'director2', ...directorReference(definition.director2, database), key: definition.directorKey2 },
  ];
}

function validate(definition: DefinitionOf<'refMatch'>, known: KnownTables): InputFault[] {
  const references = directors(definition, known.database);
  const faults = references.flatMap((reference) => referenceFaults(reference, known));
  const [first, second] = references;
  if (first?.database === second?.database && first?.table === second?.table) {
    faults.push({ path: 'director2', message: "the director tables of the RefMatch table can't be the same" });
  }
  if (definition.directorKey === definition.directorKey2) {
    faults.push({ path: 'directorKey2', message: "the director table keys of the RefMatch table can't be the same" });
  }
  if (!(definition.angSep > 0)) {
    faults.push({ path: 'angSep', message: 'the RefMatch table requires the angular separation to be more than 0' });
  }
  for (const field of ['directorKey', 'directorKey2', 'flag'] as const) {
    faults.push(
      ...(definition[field] === ''
        ? [{ path: field, message: 'the RefMatch table requires both keys and the special column to store flags' }]
        : columnFault(definition, field, definition[field])),
    );
  }
  return faults;
}

export const refMatch: TableKind<'refMatch'> = {
  partitioned: true,
  sharedScans: false,
  validate,
  columnFaults: () => [],
  keyColumns: ({ directorKey, directorKey2, flag }) => [directorKey, directorKey2, flag],
  directors,
};
