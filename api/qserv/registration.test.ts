import { databaseDefinition } from './database';
import { tableRegistration } from './table';

const schema = [{ name: 'a', type: 'INT' }];
const table = (fields: object) => tableRegistration.parse({ database: 'd', table: 'T', schema, ...fields }).definition;

test('a database, with the coercions of a real server', () => {
  expect(
    databaseDefinition.parse({
      version: 12,
      database: 'd',
      num_stripes: 85.7,
      num_sub_stripes: 12,
      overlap: 0.01,
      auto_build_secondary_index: false,
    }),
  ).toEqual({
    name: 'd',
    numStripes: 85,
    numSubStripes: 12,
    overlap: 0.01,
    autoBuildDirectorIndex: false,
  });
  expect(
    databaseDefinition.safeParse({ database: 'd', num_stripes: '85', num_sub_stripes: 12, overlap: -1 }).error?.issues,
  ).toHaveLength(2);
});

test('the kind follows from the fields; what does not matter for it is dropped', () => {
  expect(table({ is_partitioned: 0, director_key: 'x', latitude_key: 'y' })).toEqual({
    kind: 'regular',
    name: 'T',
    schema,
  });
  expect(
    table({ is_partitioned: 1, director_key: 'a', latitude_key: 'l', longitude_key: 'm', charset_name: 'utf8mb4' }),
  ).toEqual({
    kind: 'director',
    name: 'T',
    schema,
    directorKey: 'a',
    latitudeKey: 'l',
    longitudeKey: 'm',
    uniquePrimaryKey: true,
    charset: 'utf8mb4',
  });
  expect(table({ is_partitioned: true, director_table: 'x.D', director_key: 'a' })).toEqual({
    kind: 'dependent',
    name: 'T',
    schema,
    director: 'x.D',
    directorKey: 'a',
  });
  expect(
    table({
      is_partitioned: 1,
      director_table: 'D',
      director_key: 'a',
      director_table2: 'E',
      director_key2: 'b',
      flag: 'f',
      ang_sep: 0.1,
      latitude_key: 'l',
    }),
  ).toEqual({
    kind: 'refMatch',
    name: 'T',
    schema,
    director: 'D',
    directorKey: 'a',
    director2: 'E',
    directorKey2: 'b',
    flag: 'f',
    angSep: 0.1,
  });
});
