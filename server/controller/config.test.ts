import { getConfig } from '../../api/qserv/controller/config';
import { newCatalog } from '../../ingest/controller/contract';
import { ControllerService } from '../../test/support/controller-service';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start({
    services: {
      settings: {
        parameters: { controller: { 'http-server-port': 12345 }, database: { password: 'canary', host: 'db' } },
        czars: [{ name: 'default', id: 1, host: { addr: '10.0.0.1', name: 'czar' }, port: 4048 }],
      },
    },
  });
});
afterAll(() => service.close());

const config = async () => {
  const reply = await service.call('GET', '/replication/config');
  return getConfig.reply.parse(reply).config;
};

test('sections without members are null', async () => {
  const { databases, database_families, workers } = await config();
  expect([databases, database_families]).toEqual([null, null]);
  expect(workers?.map(({ name }) => name)).toEqual(['w1', 'w2']);
  const bare = await ControllerService.start();
  const reply = await bare.call('GET', '/replication/config');
  expect(reply).toMatchObject({ config: { czars: null } });
  await bare.close();
});

test('general has the values of a real server’s parameters, without its secret', async () => {
  const { general, meta } = await config();
  expect(Object.keys(general)).toEqual(['common', 'registry', 'controller', 'database', 'xrootd', 'worker']);
  expect(general.worker).toMatchObject({
    'ingest-charset-name': 'latin1',
    'ingest-num-retries': 1,
    'ingest-max-retries': 10,
    'loader-max-warnings': 64,
    'async-loader-auto-resume': 1,
    'async-loader-cleanup-on-resume': 1,
    'num-loader-processing-threads': expect.any(Number),
    'num-http-loader-processing-threads': expect.any(Number),
    'num-async-loader-processing-threads': expect.any(Number),
  });
  expect(general.controller?.['http-server-port']).toBe(12345);
  expect(general.database).toMatchObject({ host: 'db', password: '' });
  const names = (of: Record<string, object>) => Object.entries(of).map(([name, all]) => [name, Object.keys(all)]);
  expect(names(meta)).toEqual(names(general));
  expect(meta.database?.password).toEqual({ read_only: 0, description: 'Never told.', security_context: 1 });
  expect(meta.worker?.['loader-port']).toMatchObject({ read_only: 0, security_context: 0 });
});

test('workers, families, databases with their tables, czars', async () => {
  const { name, ...geometry } = newCatalog();
  const { controller } = service;
  const { createTime } = await controller.registerDatabase({ name, ...geometry });
  const table = await controller.registerTable(name, {
    kind: 'regular',
    name: 'T',
    schema: [{ name: 'a', type: 'INT' }],
  });
  const { workers, database_families, databases, czars } = await config();
  const host = { addr: '127.0.0.1', name: expect.any(String) };
  expect(workers?.[0]).toEqual({
    name: 'w1',
    'is-enabled': 1,
    'is-read-only': 0,
    'svc-host': host,
    'svc-port': 0,
    'fs-host': host,
    'fs-port': 0,
    'data-dir': '',
    'loader-host': host,
    'loader-port': 25002,
    'loader-tmp-dir': '',
    'exporter-host': host,
    'exporter-port': 0,
    'exporter-tmp-dir': '',
    'http-loader-host': host,
    'http-loader-port': 25004,
    'http-loader-tmp-dir': '',
    'qserv-worker': { host, 'management-port': 0, 'data-port': 0 },
  });
  expect(database_families).toEqual([
    { name: 'layout_85_12', min_replication_level: 1, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 },
  ]);
  expect(databases).toEqual([
    {
      database: name,
      family_name: 'layout_85_12',
      is_published: 0,
      create_time: createTime,
      publish_time: 0,
      tables: [
        {
          name: 'T',
          database: name,
          is_published: 0,
          create_time: table.createTime,
          publish_time: 0,
          is_partitioned: 0,
          is_director: 0,
          is_ref_match: 0,
          director_table: '',
          director_database_name: '',
          director_table_name: '',
          director_key: '',
          director_table2: '',
          director_database_name2: '',
          director_table_name2: '',
          director_key2: '',
          flag: '',
          ang_sep: 0,
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
      ],
    },
  ]);
  expect(czars).toEqual([{ name: 'default', id: 1, host: { addr: '10.0.0.1', name: 'czar' }, port: 4048 }]);
});
