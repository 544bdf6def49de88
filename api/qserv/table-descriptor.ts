import { z } from 'zod';
import { kindOf, normalDefinition, type TableDescriptor } from '../../ingest/core/tables';
import { bit, time, toBit } from './fields';
import { toTableDefinition } from './table';

const reference = (of: string) => z.string().describe(`${of}; empty where the kind has none.`);

/** A table in replies, docs/contract/controller.md §2. All kinds have all fields. */
export const tableDescriptor = z
  .object({
    name: z.string().describe('Base name of the table.'),
    database: z.string().describe('Its database.'),
    is_published: bit.describe('1: its data is final.'),
    create_time: time.describe('When it was registered, ms since the Unix epoch.'),
    publish_time: time.describe('When it was published, ms; 0: not yet.'),
    is_partitioned: bit.describe('1: stored by chunk.'),
    is_director: bit.describe('1: other tables may refer to it.'),
    is_ref_match: bit.describe('1: matches rows of two directors.'),
    director_table: reference('Director, as it was given: [database.]table'),
    director_database_name: reference('Its database, where it was given'),
    director_table_name: reference('Its name'),
    director_key: reference('Primary key of a director, else the column that refers to the director'),
    director_table2: reference('Second director of a ref-match table'),
    director_database_name2: reference('Its database, where it was given'),
    director_table_name2: reference('Its name'),
    director_key2: reference('Column that refers to the second director'),
    flag: reference('Column of flags of a ref-match table'),
    ang_sep: z.number().describe('Largest angular separation in a ref-match table, else 0.'),
    unique_primary_key: bit.describe('Whether keys of the director index are unique.'),
    charset_name: z.string().describe('MySQL character set.'),
    collation_name: z.string().describe('MySQL collation.'),
    latitude_key: reference('Column with the declination'),
    longitude_key: reference('Column with the right ascension'),
    columns: z
      .array(
        z.object({
          name: z.string().describe('Name of the column.'),
          type: z.string().describe('MySQL type with attributes.'),
        }),
      )
      .describe('qserv_trans_id first.'),
  })
  .meta({ id: 'Table' });
export type WireTable = z.infer<typeof tableDescriptor>;

export function toWireTable(database: string, table: TableDescriptor): WireTable {
  const definition = normalDefinition(table.definition);
  const { kind } = definition;
  const first = kind === 'dependent' || kind === 'refMatch' ? definition.director : '';
  const second = kind === 'refMatch' ? definition.director2 : '';
  const placed = kind === 'director' || kind === 'dependent';
  return {
    name: definition.name,
    database,
    is_published: toBit(table.isPublished),
    create_time: table.createTime,
    publish_time: table.publishTime,
    is_partitioned: toBit(kindOf(definition).partitioned),
    is_director: toBit(kind === 'director'),
    is_ref_match: toBit(kind === 'refMatch'),
    director_table: first,
    director_database_name: databaseIn(first),
    director_table_name: tableIn(first),
    director_key: kind === 'regular' ? '' : definition.directorKey,
    director_table2: second,
    director_database_name2: databaseIn(second),
    director_table_name2: tableIn(second),
    director_key2: kind === 'refMatch' ? definition.directorKey2 : '',
    flag: kind === 'refMatch' ? definition.flag : '',
    ang_sep: kind === 'refMatch' ? definition.angSep : 0,
    unique_primary_key: toBit(kind !== 'director' || definition.uniquePrimaryKey !== false),
    charset_name: definition.charset ?? '',
    collation_name: definition.collation ?? '',
    latitude_key: placed ? (definition.latitudeKey ?? '') : '',
    longitude_key: placed ? (definition.longitudeKey ?? '') : '',
    columns: table.columns,
  };
}

/** The table as the domain has it; `schema` is what follows the transaction column. */
export function fromWireTable(wire: WireTable): TableDescriptor {
  return {
    definition: toTableDefinition({
      ...wire,
      table: wire.name,
      schema: wire.columns.slice(1),
      is_partitioned: wire.is_partitioned !== 0,
      unique_primary_key: wire.unique_primary_key !== 0,
    }),
    columns: wire.columns,
    isPublished: wire.is_published !== 0,
    createTime: wire.create_time,
    publishTime: wire.publish_time,
  };
}

const databaseIn = (reference: string) => (reference.includes('.') ? reference.slice(0, reference.indexOf('.')) : '');
const tableIn = (reference: string) => reference.slice(reference.indexOf('.') + 1);
