import { DEFAULT_DIALECT, type Dialect } from '../../ingest/core/dialect';

export const CSV_DIALECT: Dialect = { ...DEFAULT_DIALECT, fieldsTerminatedBy: ',', fieldsEnclosedBy: '"' };

/** A line of a file for the test catalog's table Object. */
export const row = (id: number, name = `o${id}`, separator = '\t') =>
  `${[id, 1.5, -2.25, '\\N', 1, name, 3].join(separator)}\n`;

/** The same as MariaDB keeps it. */
export const values = (id: number, name = `o${id}`) => [id, 1.5, -2.25, null, 1, name, 3];
