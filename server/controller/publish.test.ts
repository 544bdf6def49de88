import { once } from 'node:events';
import { connect } from 'node:net';
import { CATALOG_TABLES } from '../../ingest/controller/contract';
import type { NativeController } from '../../ingest/controller/native/controller';
import { replacementName } from '../../ingest/core/names';
import { ControllerService, KEYS } from '../../test/support/controller-service';
import { failingAt, withSteps } from '../../test/support/failing-controllers';
import { registerCatalog } from '../../test/support/registered';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start();
});
afterAll(() => service.close());

const F = 'operation failed due to: ';
const publish = (name: string, body: Record<string, unknown> = {}, of = service) =>
  of.call('PUT', `/ingest/database/${name}`, { body });
const catalog = () => registerCatalog(service.controller as NativeController);
const ready = async () => {
  const name = await catalog();
  await service.controller.allocateChunks({ database: name }, [7480]);
  return name;
};

test('the refusals, in their order', async () => {
  expect(await publish('nope')).toMatchObject({ error: `${F}CONFIG  _databaseInfo no such database 'nope'.` });
  const name = await catalog();
  const { id } = await service.controller.beginTransaction(name, {});
  expect(await publish(name)).toMatchObject({
    success: 0,
    error: 'database has uncommitted transactions',
    error_ext: { open: [{ id, state: 'STARTED', end: ['commit', 'abort'] }] },
  });
  await service.controller.endTransaction(id, 'abort');
  expect(await publish(name)).toMatchObject({ success: 0, error: "the database doesn't have any chunks" });
  await service.controller.allocateChunks({ database: name }, [7480]);
  await service.metadata.run(
    (sql) => sql`DELETE FROM qserv.config_database_table_schema WHERE database = ${name} AND "table" = 'Source'`,
  );
  expect(await publish(name)).toMatchObject({ success: 0, error: "schema is empty for table: 'Source'" });
  await service.controller.deleteTable(name, 'Source');
  expect(await publish(name)).toMatchObject({ success: 1, error: '', database: { database: name, is_published: 1 } });
  expect(await publish(name)).toMatchObject({ success: 0, error: 'the database is already published' });
});

test('a server that goes away: which step, which worker, which table; the same request again goes on', async () => {
  const name = await ready();
  const failures: [string, RegExp][] = [
    ['publish.grant', /^grant access to a database failed, worker: w[12], {2}error: gone$/],
    [
      'publish.table.twin',
      new RegExp(`^MySQL partitions removal failed for database: ${name}, table: \\w+, worker: w[12],  error: gone$`),
    ],
    ['publish.table.create', /^table creation failed for: '\w+_7480', worker: w[12], {2}error: gone$/],
    ['publish.chunks', /^enabling database failed, worker: w[12], {2}error: gone$/],
    ['publish.css-tables', /^operation failed due to: gone$/],
  ];
  for (const [step, error] of failures) {
    const lame = await failingAt(service, step);
    expect((await publish(name, {}, lame)).error).toMatch(error);
    await lame.close();
  }
  const reply = await publish(name, { consolidate_secondary_index: 1, row_counters_deploy_at_qserv: 1 });
  expect(reply).toMatchObject({ success: 1, database: { is_published: 1, tables: [{ is_published: 1 }, {}, {}] } });
});

test('row counters that cannot be collected or given to Qserv', async () => {
  const name = await ready();
  const error = 'Table rows scanning/deployment failed.';
  const counters = { row_counters_deploy_at_qserv: 1 };
  const lame = await failingAt(service, 'counters.scan');
  expect(await publish(name, counters, lame)).toMatchObject({
    success: 0,
    error,
    error_ext: { operation: 'Scan table row counters.', job_id: expect.any(String), workers: expect.any(Object) },
  });
  await lame.close();
  const other = await failingAt(service, 'counters.build');
  expect(await publish(name, counters, other)).toMatchObject({
    success: 0,
    error,
    error_ext: { operation: 'Deploy table row counters in Qserv.', error: expect.stringContaining('gone') },
  });
  await other.close();
});

test('a client that goes away changes nothing', async () => {
  const name = await ready();
  let arrive: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let goOn: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const slow = await withSteps(service, async (step) => {
    if (step !== 'publish.master') return;
    arrive();
    await gate;
  });
  const { port } = new URL(await slow.listen());
  const body = JSON.stringify({ version: 55, auth_key: KEYS.auth });
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `PUT /ingest/database/${name} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await arrived;
  socket.destroy();
  await once(socket, 'close');
  goOn();
  // Waits for the other one.
  expect(await publish(name)).toMatchObject({ error: 'the database is already published' });
  await slow.close();
});

test('flags are not set by hand while a next version of a table waits', async () => {
  const name = await ready();
  await publish(name);
  await service.controller.unpublish(name);
  const next = replacementName('Filter');
  await service.controller.registerTable(name, { ...CATALOG_TABLES.filter, name: next }, { replaces: 'Filter' });
  const path = `/replication/config/database/${name}`;
  expect(await service.call('PUT', path, { admin: true, body: { publish: 1 } })).toMatchObject({
    success: 0,
    error: expect.stringContaining(`'${next}' is the next version of table 'Filter'`),
  });
});
