import { type ControllerService, OK } from '../../test/support/controller-service';
import { ServedCatalogs } from '../../test/support/served-catalog';

let service: ControllerService;
let catalogs: ServedCatalogs;
beforeAll(async () => {
  catalogs = await ServedCatalogs.start();
  ({ service } = catalogs);
});
afterAll(() => catalogs.close());

const scan = (body: Record<string, unknown>) => service.call('POST', '/ingest/table-stats', { body });
const stats = (database: string, table = 'Object') => service.call('GET', `/ingest/table-stats/${database}/${table}`);
const ENABLED = { row_counters_state_update_policy: 'ENABLED' };

const deployed = (database: string) =>
  catalogs.master.rows('read', `SELECT * FROM qservMeta.${database}__Object__rows ORDER BY chunk`);

test('counters are collected, told, given to Qserv, and forgotten sort by sort', async () => {
  const { database, server } = await catalogs.loaded({ rows: 30 });
  const request = { database, table: 'Object' };
  expect(await scan(request)).toEqual(OK);
  expect(await stats(database)).toEqual({ ...OK, database, table: 'Object', entries: [] });

  expect(await scan({ ...request, ...ENABLED, row_counters_deploy_at_qserv: 1 })).toEqual(OK);
  const [row] = await server.rows('read', `SELECT qserv_trans_id AS id FROM ${database}.Object_7480 LIMIT 1`);
  const entry = { chunk: 7480, update_time: expect.any(Number) };
  expect(await stats(database)).toEqual({
    ...OK,
    database,
    table: 'Object',
    entries: [
      { ...entry, transaction_id: row?.id, is_overlap: 0, num_rows: 30 },
      { ...entry, transaction_id: 0, is_overlap: 1, num_rows: 0 },
    ],
  });
  expect(await deployed(database)).toEqual([{ chunk: 7480, num_rows: 30 }]);

  await server.run('lose rows', `DELETE FROM ${database}.Object_7480 LIMIT 1`);
  expect(await scan({ ...request, ...ENABLED })).toEqual(OK);
  expect(await stats(database)).toMatchObject({ entries: [{ num_rows: 30 }, {}] });
  expect(await scan({ ...request, ...ENABLED, force_rescan: 1, overlap_selector: 'CHUNK' })).toEqual(OK);
  expect(await stats(database)).toMatchObject({ entries: [{ num_rows: 29 }, {}] });

  const remove = (body = {}) => service.call('DELETE', `/ingest/table-stats/${database}/Object`, { body });
  expect(await remove({ qserv_only: 1 })).toEqual(OK);
  await expect(deployed(database)).rejects.toThrow("doesn't exist");
  expect(await stats(database)).toMatchObject({ entries: [{}, {}] });
  expect(await remove({ overlap_selector: 'CHUNK' })).toEqual(OK);
  expect(await stats(database)).toMatchObject({ entries: [{ is_overlap: 1 }] });
  expect(await remove()).toEqual(OK);
  expect(await stats(database)).toMatchObject({ entries: [] });
});

test('a regular table has one counter, of chunk 0', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  expect(await scan({ database, table: 'Filter', ...ENABLED, overlap_selector: 'OVERLAP' })).toEqual(OK);
  expect(await stats(database, 'Filter')).toMatchObject({ entries: [{ chunk: 0, is_overlap: 0, num_rows: 0 }] });
});

test('final tables that cannot be counted are listed by worker, with the job; the others are kept when that is asked for', async () => {
  const { database, server, worker } = await catalogs.loaded();
  await server.run('break', `DROP TABLE ${database}.ObjectFullOverlap_7480`);
  const request = { database, table: 'Object', row_counters_state_update_policy: 'FORCED' };
  const reply = await scan(request);
  expect(reply).toMatchObject({
    success: 0,
    error: 'Table rows scanning/deployment failed.',
    error_ext: {
      operation: 'Scan table row counters.',
      workers: {
        [worker]: { ObjectFullOverlap_7480: { status: 'NO_SUCH_TABLE', error: expect.stringContaining('exist') } },
      },
    },
  });
  expect(reply.error_ext.job_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await stats(database)).toMatchObject({ entries: [{ num_rows: 50 }] });
});

test('counters that Qserv cannot be given: rows may come yet', async () => {
  const { database, worker } = await catalogs.loaded({ publish: false });
  const { id } = await service.controller.beginTransaction(database, {});
  await service.metadata.run(
    (
      sql,
    ) => sql`INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url)
      VALUES (${id}, ${worker}, ${database}, 'Object', 7480, false, 'x')`,
  );
  expect(await scan({ database, table: 'Object', ...ENABLED, row_counters_deploy_at_qserv: 1 })).toMatchObject({
    success: 0,
    error: 'Table rows scanning/deployment failed.',
    error_ext: {
      operation: 'Deploy table row counters in Qserv.',
      error: expect.stringContaining('collect them first'),
    },
  });
});

test.each([
  [
    { row_counters_deploy_at_qserv: 1 },
    "HTTP-PROCESSOR ::_scanTableStats'row_counters_deploy_at_qserv'=1 requires 'row_counters_state_update_policy'=ENABLED",
  ],
  [
    { row_counters_deploy_at_qserv: 1, row_counters_state_update_policy: 'FORCED' },
    "HTTP-PROCESSOR ::_scanTableStats'row_counters_deploy_at_qserv'=1 requires 'row_counters_state_update_policy'=ENABLED",
  ],
  [
    { row_counters_deploy_at_qserv: 1, ...ENABLED, overlap_selector: 'OVERLAP' },
    "HTTP-PROCESSOR ::_scanTableStats'row_counters_deploy_at_qserv'=1 requires 'overlap_selector'=CHUNK or 'overlap_selector'=CHUNK_AND_OVERLAP",
  ],
  [
    { overlap_selector: 'X' },
    "lsst::qserv::replica::str2overlapSelector the input string 'X' doesn't match any selector.",
  ],
  [{ row_counters_state_update_policy: 'X' }, "SqlRowStatsJob::str2policy: 'X' is not a valid policy."],
])('refuses %j', async (fields, tail) => {
  expect(await scan({ database: 'd', table: 'T', ...fields })).toMatchObject({
    success: 0,
    error: `invalid parameters of the request, ex: ${tail}`,
  });
});

test('unknown names, and selectors that are none', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  const noDatabase = "operation failed due to: CONFIG  _databaseInfo no such database 'nope'.";
  expect(await scan({ database: 'nope', table: 'T' })).toMatchObject({ error: noDatabase });
  expect(await stats('nope')).toMatchObject({ error: noDatabase });
  expect(await stats(database, 'T')).toMatchObject({
    error: `operation failed due to: DatabaseInfo::findTable no such table 'T' found in the database '${database}'.`,
  });
  const remove = { body: { overlap_selector: 'chunk' } };
  expect(await service.call('DELETE', `/ingest/table-stats/${database}/Object`, remove)).toMatchObject({
    error:
      "invalid parameters of the request, ex: lsst::qserv::replica::str2overlapSelector the input string 'chunk' doesn't match any selector.",
  });
});
