import type { InputFault } from '../errors';
import type { DefinitionOf, TableKind } from './kind';
import { columnFault } from './references';

/** Holds sub-chunk numbers; Qserv's czar makes sub-chunk tables by it. */
export const SUB_CHUNK_COLUMN = 'subChunkId';

function validate(definition: DefinitionOf<'director'>): InputFault[] {
  const faults: InputFault[] = [];
  for (const field of ['directorKey', 'longitudeKey', 'latitudeKey'] as const) {
    if (definition[field] === '') {
      faults.push({
        path: field,
        rule: field === 'directorKey' ? 'director.key' : 'director.coordinates',
        message: 'a director table needs a director key and both spatial coordinate columns',
      });
    } else faults.push(...columnFault(definition, field, definition[field]));
  }
  faults.push(...columnFault(definition, 'schema', SUB_CHUNK_COLUMN), ...columnFaults(definition));
  return faults;
}

function columnFaults(definition: DefinitionOf<'director'>): InputFault[] {
  const faults: InputFault[] = [];
  definition.schema.forEach((column, i) => {
    // lsst/qserv looks at the whole text, so do we.
    if (/BLOB|TEXT/i.test(column.type)) {
      const message = 'BLOB and TEXT types are prohibited in director tables';
      faults.push({ path: `schema[${i}].type`, rule: 'column.prohibited', message });
    }
  });
  return faults;
}

export const director: TableKind<'director'> = {
  partitioned: true,
  sharedScans: true,
  validate,
  columnFaults,
  keyColumns: ({ directorKey, longitudeKey, latitudeKey }) => [
    directorKey,
    longitudeKey,
    latitudeKey,
    SUB_CHUNK_COLUMN,
  ],
  directors: () => [],
};
