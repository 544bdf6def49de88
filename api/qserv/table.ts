import { z } from 'zod';
import type { TableDefinition } from '../../ingest/core/tables';
import { flag, real } from './fields';

/** Body of POST /ingest/table, docs/contract/controller.md §5.2; also Qserv's table JSON files. Other keys are ignored. */
export const registerTable = z.object({
  database: z.string(),
  table: z.string(),
  is_partitioned: flag,
  schema: z.array(z.object({ name: z.string(), type: z.string() })),
  director_table: z.string().default(''),
  director_key: z.string().default(''),
  director_table2: z.string().default(''),
  director_key2: z.string().default(''),
  latitude_key: z.string().default(''),
  longitude_key: z.string().default(''),
  flag: z.string().default(''),
  ang_sep: real.default(0),
  unique_primary_key: flag.default(true),
  charset_name: z.string().default(''),
  collation_name: z.string().default(''),
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

/** The database it belongs to, and the table as the domain has it. */
export const tableRegistration = registerTable.transform((body) => ({
  database: body.database,
  definition: toTableDefinition(body),
}));
