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
    const message = "the director tables of the RefMatch table can't be the same";
    faults.push({ path: 'director2', rule: 'refMatch.directors', message });
  }
  if (definition.directorKey === definition.directorKey2) {
    const message = "the director table keys of the RefMatch table can't be the same";
    faults.push({ path: 'directorKey2', rule: 'refMatch.keys', message });
  }
  if (!(definition.angSep > 0)) {
    const message = 'the RefMatch table requires the angular separation to be more than 0';
    faults.push({ path: 'angSep', rule: 'refMatch.angSep', message });
  }
  for (const field of ['directorKey', 'directorKey2', 'flag'] as const) {
    if (definition[field] === '') {
      const message = 'the RefMatch table requires both keys and the special column to store flags';
      faults.push({ path: field, rule: field === 'flag' ? 'refMatch.flag' : 'refMatch.key', message });
    } else faults.push(...columnFault(definition, field, definition[field]));
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
