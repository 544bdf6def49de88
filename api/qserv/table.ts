import { z } from 'zod';
import type { TableDefinition } from '../../ingest/core/tables';
import { flag, real } from './fields';

/** Body of POST /ingest/table, docs/contract/controller.md §5.2; also Qserv's table JSON files. Other keys are ignored. */
export const registerTable = z.object({
  database: z.string().describe('Database that the table belongs to.'),
  table: z.string().describe('Name of the table.'),
  is_partitioned: flag.describe('1: stored by chunk. 0: a regular table, whole on every worker.'),
  schema: z
    .array(
      z.object({
        name: z.string().describe('Name of the column.'),
        type: z.string().describe('MySQL type with attributes, e.g. BIGINT NOT NULL.'),
      }),
    )
    .describe('Columns in the order of the input files.'),
  director_table: z
    .string()
    .default('')
    .describe('Empty for a director; else the director [database.]table that this table depends on or matches.'),
  director_key: z
    .string()
    .default('')
    .describe('Primary key column of a director; the column that refers to it in others.'),
  director_table2: z.string().default('').describe('Second director of a ref-match table.'),
  director_key2: z.string().default('').describe('Column that refers to the second director.'),
  latitude_key: z.string().default('').describe('Column with the declination, degrees.'),
  longitude_key: z.string().default('').describe('Column with the right ascension, degrees.'),
  flag: z.string().default('').describe('Column of flags of a ref-match table.'),
  ang_sep: real.default(0).describe('Largest angular separation in a ref-match table.'),
  unique_primary_key: flag.default(true).describe('Whether keys of the director index are unique. Default: 1.'),
  charset_name: z.string().default('').describe('MySQL character set of the table. Default: latin1.'),
  collation_name: z.string().default('').describe('MySQL collation. Default: latin1_general_ci.'),
});
export type RegisterTable = z.infer<typeof registerTable>;

/** Where a fault of a definition's field stands in Qserv's JSON. */
export const QSERV_FIELDS: Record<string, keyof RegisterTable> = {
  name: 'table',
  director: 'director_table',
  directorKey: 'director_key',
  director2: 'director_table2',
  directorKey2: 'director_key2',
  latitudeKey: 'latitude_key',
  longitudeKey: 'longitude_key',
  angSep: 'ang_sep',
  charset: 'charset_name',
  collation: 'collation_name',
};

/** The table's kind follows from what is filled in; fields that do not matter for the kind are dropped, as Qserv does. */
export function toTableDefinition(body: RegisterTable): TableDefinition {
  const common = {
    name: body.table,
    schema: body.schema,
    ...(body.charset_name === '' ? {} : { charset: body.charset_name }),
    ...(body.collation_name === '' ? {} : { collation: body.collation_name }),
  };
  if (!body.is_partitioned) return { ...common, kind: 'regular' };
  const keys = { directorKey: body.director_key };
  const place = { longitudeKey: body.longitude_key, latitudeKey: body.latitude_key };
  if (body.director_table2 !== '') {
    return {
      ...common,
      ...keys,
      kind: 'refMatch',
      director: body.director_table,
      director2: body.director_table2,
      directorKey2: body.director_key2,
      flag: body.flag,
      angSep: body.ang_sep,
    };
  }
  if (body.director_table === '') {
    return { ...common, ...keys, ...place, kind: 'director', uniquePrimaryKey: body.unique_primary_key };
  }
  const given = body.longitude_key !== '' || body.latitude_key !== '' ? place : {};
  return { ...common, ...keys, ...given, kind: 'dependent', director: body.director_table };
}

/** The same as it is sent; what the definition leaves open stays out, so that older services take it too. */
export function fromTableDefinition(database: string, definition: TableDefinition): z.input<typeof registerTable> {
  const { kind, name, schema, charset, collation } = definition;
  return {
    database,
    table: name,
    schema,
    is_partitioned: kind === 'regular' ? 0 : 1,
    ...(charset === undefined ? {} : { charset_name: charset }),
    ...(collation === undefined ? {} : { collation_name: collation }),
    ...fieldsOf(definition),
  };
}

function fieldsOf(definition: TableDefinition): Partial<z.input<typeof registerTable>> {
  switch (definition.kind) {
    case 'regular':
      return {};
    case 'director': {
      const { directorKey, longitudeKey, latitudeKey, uniquePrimaryKey } = definition;
      const keys = { director_key: directorKey, longitude_key: longitudeKey, latitude_key: latitudeKey };
      return uniquePrimaryKey === undefined ? keys : { ...keys, unique_primary_key: uniquePrimaryKey ? 1 : 0 };
    }
    case 'dependent': {
      const { director, directorKey, longitudeKey = '', latitudeKey = '' } = definition;
      const place = longitudeKey === '' ? {} : { longitude_key: longitudeKey, latitude_key: latitudeKey };
      return { director_table: director, director_key: directorKey, ...place };
    }
    case 'refMatch': {
      const { director, directorKey, director2, directorKey2, flag: column, angSep } = definition;
      const first = { director_table: director, director_key: directorKey };
      return { ...first, director_table2: director2, director_key2: directorKey2, flag: column, ang_sep: angSep };
    }
    default:
      return definition satisfies never;
  }
}

/** The database it belongs to, and the table as the domain has it. */
export const tableRegistration = registerTable.transform((body) => ({
  database: body.database,
  definition: toTableDefinition(body),
}));
