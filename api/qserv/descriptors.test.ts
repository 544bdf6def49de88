import type { TableDefinition, TableDescriptor } from '../../ingest/core/tables';
import {
  databaseDescriptor,
  familyDescriptor,
  fromWireDatabase,
  fromWireFamily,
  fromWireWorker,
  toWireDatabase,
  toWireFamily,
  toWireWorker,
  workerDescriptor,
} from './descriptors';

const common = { schema: [{ name: 'a', type: 'INT' }], charset: 'latin1', collation: 'latin1_general_ci' };
const definitions: TableDefinition[] = [
  {
    ...common,
    kind: 'director',
    name: 'O',
    directorKey: 'a',
    latitudeKey: 'b',
    longitudeKey: 'c',
    uniquePrimaryKey: false,
  },
  { ...common, kind: 'dependent', name: 'S', director: 'x.O', directorKey: 'a', latitudeKey: 'b', longitudeKey: 'c' },
  {
    ...common,
    kind: 'refMatch',
    name: 'M',
    director: 'O',
    directorKey: 'a',
    director2: 'x.O',
    directorKey2: 'b',
    flag: 'f',
    angSep: 0.5,
  },
  { ...common, kind: 'regular', name: 'R', charset: 'utf8mb4', collation: 'utf8mb4_bin' },
];
const described = (definition: TableDefinition): TableDescriptor => ({
  definition,
  columns: [{ name: 'qserv_trans_id', type: 'INT NOT NULL' }, ...definition.schema],
  isPublished: definition.kind === 'director',
  createTime: 5,
  publishTime: 7,
});

test('databases and their tables of every kind come back as they went', () => {
  const database = {
    name: 'd',
    family: 'f',
    isPublished: true,
    createTime: 1,
    publishTime: 2,
    tables: definitions.map(described),
  };
  const wire = databaseDescriptor.parse(JSON.parse(JSON.stringify(toWireDatabase(database))));
  expect(fromWireDatabase(wire)).toEqual(database);
});

test('a ref-match table has its references as given and taken apart; what it has not is empty', () => {
  const match = definitions[2] as TableDefinition;
  const { tables } = toWireDatabase({
    name: 'd',
    family: 'f',
    isPublished: false,
    createTime: 1,
    publishTime: 0,
    tables: [described(match)],
  });
  expect(tables).toEqual([
    {
      name: 'M',
      database: 'd',
      is_published: 0,
      create_time: 5,
      publish_time: 7,
      is_partitioned: 1,
      is_director: 0,
      is_ref_match: 1,
      director_table: 'O',
      director_database_name: '',
      director_table_name: 'O',
      director_key: 'a',
      director_table2: 'x.O',
      director_database_name2: 'x',
      director_table_name2: 'O',
      director_key2: 'b',
      flag: 'f',
      ang_sep: 0.5,
      unique_primary_key: 1,
      charset_name: 'latin1',
      collation_name: 'latin1_general_ci',
      latitude_key: '',
      longitude_key: '',
      columns: [
        { name: 'qserv_trans_id', type: 'INT NOT NULL' },
        { name: 'a', type: 'INT' },
      ],
    },
  ]);
});

test('families and workers', () => {
  const family = { name: 'f', replicationLevel: 2, numStripes: 85, numSubStripes: 12, overlap: 0.1 };
  expect(fromWireFamily(familyDescriptor.parse(toWireFamily(family)))).toEqual(family);
  const location = {
    worker: 'w',
    host: '1.2.3.4',
    hostName: 'a',
    port: 25002,
    httpHost: '1.2.3.5',
    httpHostName: 'b',
    httpPort: 25004,
  };
  const worker = { name: 'w', isEnabled: true, isReadOnly: false, location };
  expect(fromWireWorker(workerDescriptor.parse(toWireWorker(worker)))).toEqual(worker);
});
