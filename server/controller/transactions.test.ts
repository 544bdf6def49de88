import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeController } from '../../ingest/controller/native/controller';
import { DataServer } from '../../ingest/storage/data/connection';
import { putContribution } from '../../test/support/contributions';
import { ControllerService, KEYS } from '../../test/support/controller-service';
import { sharedServers } from '../../test/support/native';
import { putRows, registerCatalog } from '../../test/support/registered';

let service: ControllerService;
let master: DataServer;
let w1: DataServer;
/** A catalog for tests that leave nothing in it that others mind. */
let common: string;
beforeAll(async () => {
  service = await ControllerService.start();
  const { servers } = service;
  master = new DataServer('master', servers.master, { connections: 1 });
  w1 = new DataServer('w1', (servers.workers[0] as (typeof servers.workers)[number]).mysql, { connections: 1 });
  common = await catalog();
});
afterAll(async () => {
  await Promise.all([service.close(), master.close(), w1.close()]);
});

type Listed = { id: number; state: string; context: object; log: { name: string; data: object }[] };

const catalog = () => registerCatalog(service.controller);
const begin = async (database: string, context?: unknown) =>
  service.call('POST', '/ingest/trans', { body: { database, ...(context === undefined ? {} : { context }) } });
const begun = async (database: string) => {
  const { databases } = (await begin(database)) as unknown as { databases: Record<string, { transactions: Listed[] }> };
  return databases[database]?.transactions[0]?.id as number;
};
const end = (id: number | string, abort: number | string, body: object = {}, by = service) =>
  by.call('PUT', `/ingest/trans/${id}`, { query: { abort }, body: { ...body } });
const stateOf = async (id: number) => (await service.controller.transaction(id)).state;
const refused = (error: string, error_ext: unknown = expect.anything()) => ({
  success: 0,
  error,
  error_ext,
  warning: '',
});
const setPublished = (database: string, published: boolean) =>
  service.metadata.run(
    (sql) => sql`UPDATE qserv.config_database SET is_published = ${published} WHERE database = ${database}`,
  );

describe('POST /ingest/trans', () => {
  test('begins one', async () => {
    const database = await catalog();
    await service.controller.allocateChunks({ database }, [7480, 7310]);
    const time = expect.any(Number);
    expect(await begin(database, { pod: 'ingest-0' })).toEqual({
      success: 1,
      error: '',
      error_ext: {},
      warning: '',
      databases: {
        [database]: {
          num_chunks: 2,
          transactions: [
            {
              id: expect.any(Number),
              database,
              state: 'STARTED',
              begin_time: time,
              start_time: time,
              transition_time: 0,
              end_time: 0,
              context: { pod: 'ingest-0' },
              log: [
                {
                  id: expect.any(Number),
                  transaction_state: 'IS_STARTING',
                  name: 'begin add dir idx part',
                  time,
                  data: { table: 'Object' },
                },
                {
                  id: expect.any(Number),
                  transaction_state: 'IS_STARTING',
                  name: 'end add dir idx part',
                  time,
                  data: { table: 'Object', success: 1, error: '' },
                },
              ],
            },
          ],
        },
      },
    });
  });

  test('refusals', async () => {
    expect(await begin('nope')).toEqual(
      refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'."),
    );
    const database = await catalog();
    for (const context of [null, [], 'text', 7]) {
      expect(await begin(database, context)).toEqual(
        refused(
          `invalid parameters of the request, ex: DatabaseServicesMySQL::createTransaction database=${database} a value of the parameter 'transactionContext is not a valid JSON object`,
        ),
      );
    }
    expect(await service.controller.transactions({ database })).toEqual([]);
    await setPublished(database, true);
    for (const context of [{}, null]) {
      expect(await begin(database, context)).toEqual(refused('the database is already published'));
    }
  });

  test('with the token of one that is not ended: that one', async () => {
    const same = await Promise.all([1, 2, 3].map(() => begin(common, { token: 'a token' })));
    const ids = same.map(
      ({ databases }) => (databases as Record<string, { transactions: Listed[] }>)[common]?.transactions[0]?.id,
    );
    expect(new Set(ids).size).toBe(1);
    await end(ids[0] as number, 1);
    expect((await begin(common, { token: 'a token' })).databases).not.toMatchObject({
      [common]: { transactions: [{ id: ids[0] }] },
    });
  });

  test('a director index that takes no partition: START_FAILED, with what MariaDB said', async () => {
    const database = await catalog();
    await master.run('drop the index', `DROP TABLE qservMeta.${database}__Object`);
    const reply = await begin(database);
    expect(reply.error).toMatch(/^operation failed due to: .*doesn't exist/);
    expect((await service.controller.transactions({ database })).map(({ state }) => state)).toEqual(['START_FAILED']);
  });
});

describe('PUT /ingest/trans/:id', () => {
  test('commits and aborts; a context that is given replaces the stored one', async () => {
    const database = await catalog();
    const [kept, emptied, replaced] = [await begun(database), await begun(database), await begun(database)];
    for (const id of [kept, emptied, replaced]) {
      await service.metadata.run((sql) => sql`UPDATE qserv.transaction SET context = '{"a":1}' WHERE id = ${id}`);
    }
    const committed = await end(kept, 0);
    expect(committed).toMatchObject({ success: 1, 'secondary-index-build-success': 1 });
    expect(committed.databases).toEqual({
      [database]: {
        num_chunks: 0,
        transactions: [expect.objectContaining({ id: kept, state: 'FINISHED', context: { a: 1 } })],
      },
    });
    expect((await end(emptied, 'FALSE', { context: {} })).databases).toMatchObject({
      [database]: { transactions: [{ state: 'FINISHED', context: {} }] },
    });
    const aborted = await end(replaced, 'True', { context: { b: 2 } });
    expect(aborted).toMatchObject({ success: 1, 'secondary-index-build-success': 0 });
    const [transaction] =
      (aborted.databases as Record<string, { transactions: Listed[] }>)[database]?.transactions ?? [];
    expect(transaction).toMatchObject({ id: replaced, state: 'ABORTED', context: { b: 2 } });
    expect(transaction?.log.map(({ name }) => name)).toContain('end del table part');
  });

  test('without automatic director indexes there is none that was built', async () => {
    const database = await catalog();
    await service.metadata.run(
      (sql) => sql`UPDATE qserv.database_ingest SET value = '0' WHERE database = ${database} AND param = 'auto-build'`,
    );
    expect(await end(await begun(database), 0)).toMatchObject({ success: 1, 'secondary-index-build-success': 0 });
  });

  test('refusals', async () => {
    expect(await service.call('PUT', '/ingest/trans/1')).toEqual(
      refused(
        "invalid parameters of the request, ex: RequestQuery::requiredBool mandatory parameter 'abort' is missing",
      ),
    );
    expect(await end('x', 1)).toEqual(refused('invalid parameters of the request, ex: stoul'));
    for (const id of [2000000000, 4294967295]) {
      expect(await end(id, 1)).toEqual(
        refused(
          `operation failed due to: DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=${id} no such transaction`,
        ),
      );
    }
    const id = await begun(common);
    await end(id, 0);
    const over = `transaction id=${id} can't be ended at this time because of state=FINISHED.`;
    expect(await end(id, 0)).toEqual(refused(over));
    expect(await end(id, 1)).toEqual(refused(over));
    expect(await end(id, 1, { context: 'text' })).toEqual(refused(over));
  });

  test.each([
    ['IS_STARTING', ['refused', 'ABORTED']],
    ['STARTED', ['FINISHED', 'ABORTED']],
    ['IS_FINISHING', ['refused', 'ABORTED']],
    // A real server never lets go of one whose abort was interrupted.
    ['IS_ABORTING', ['refused', 'ABORTED']],
    ['FINISHED', ['refused', 'refused']],
    ['ABORTED', ['refused', 'refused']],
    ['START_FAILED', ['refused', 'ABORTED']],
    ['FINISH_FAILED', ['refused', 'ABORTED']],
    ['ABORT_FAILED', ['refused', 'ABORTED']],
  ])('in state %s: %j', async (state, outcomes) => {
    for (const [abort, outcome] of outcomes.entries()) {
      const id = await begun(common);
      await service.metadata.run((sql) => sql`UPDATE qserv.transaction SET state = ${state} WHERE id = ${id}`);
      const reply = await end(id, abort);
      const refusal = `transaction id=${id} can't be ended at this time because of state=${state}.`;
      expect(reply.error).toBe(outcome === 'refused' ? refusal : '');
      expect(await stateOf(id)).toBe(outcome === 'refused' ? state : outcome);
    }
  });

  test.each([
    [0, 'FINISH_FAILED'],
    [1, 'ABORT_FAILED'],
  ])('a context that is not an object, abort=%d: %s', async (abort, state) => {
    for (const context of [null, [], 'text']) {
      const id = await begun(common);
      expect(await end(id, abort, { context })).toEqual(
        refused(
          `invalid parameters of the request, ex: DatabaseServicesMySQL::updateTransaction id=${id} a value of the parameter 'transactionContext is not a valid JSON object`,
        ),
      );
      expect(await service.controller.transaction(id)).toMatchObject({ state, context: {} });
    }
  });

  test('partitions that cannot be dropped are told of, and the others are dropped', async () => {
    const database = await catalog();
    const id = await begun(database);
    for (const chunk of [7310, 7480]) {
      await putContribution(service.metadata, { transactionId: id, database, table: 'Object', worker: 'w1', chunk });
    }
    await putRows(w1, database, 'Object', 7480, false, id, 3);
    await w1.run('a view', `CREATE VIEW ${database}.Object_7310 AS SELECT 1 AS a`);
    const reply = await end(id, 1);
    expect(reply).toEqual(
      refused('failed to drop table partitions', {
        completed: { w1: { Object_7310: 0, ObjectFullOverlap_7310: 1, Object_7480: 1, ObjectFullOverlap_7480: 1 } },
        error: { w1: { Object_7310: expect.stringContaining('BASE TABLE') } },
        reason: expect.stringContaining('Object_7310 on w1'),
      }),
    );
    const failed = await service.controller.transaction(id);
    expect(failed.state).toBe('ABORT_FAILED');
    const { completed, error } = reply.error_ext;
    expect(failed.log.find(({ name }) => name === 'end del table part')?.data).toMatchObject({
      success: 0,
      error: { completed, error },
    });
    await w1.run('no view', `DROP VIEW ${database}.Object_7310`);
    expect(await end(id, 1)).toMatchObject({ success: 1 });
    expect(await stateOf(id)).toBe('ABORTED');
  });

  test('an abort in a published database fails like that', async () => {
    const database = await catalog();
    const id = await begun(database);
    await setPublished(database, true);
    expect(await end(id, 1)).toEqual(
      refused('failed to drop table partitions', { completed: {}, error: {}, reason: expect.any(String) }),
    );
    expect(await stateOf(id)).toBe('ABORT_FAILED');
  });

  test('whatever else goes wrong, a server that is away too: [F], and FINISH_FAILED or ABORT_FAILED', async () => {
    const servers = await sharedServers();
    const gone = servers.workers.map((w) => (w.name === 'w2' ? { ...w, mysql: { ...w.mysql, port: 1 } } : w));
    const { metadata } = service;
    const controller = new NativeController({ target: 'test', servers: { ...servers, workers: gone }, metadata });
    const cut = await ControllerService.start({ metadata, services: { controller } });
    const database = await catalog();
    const id = await begun(database);
    const place = { transactionId: id, database, table: 'Object', worker: 'w2', chunk: 7480 };
    await putContribution(metadata, { ...place, status: 'FINISHED' });
    expect((await end(id, 0, {}, cut)).error).toMatch(/^operation failed due to: /);
    expect(await stateOf(id)).toBe('FINISH_FAILED');
    expect(await end(id, 1, {}, cut)).toEqual(
      refused('failed to drop table partitions', {
        completed: { w2: { Object_7480: 0, ObjectFullOverlap_7480: 0 } },
        error: { w2: expect.objectContaining({ Object_7480: expect.any(String) }) },
        reason: expect.any(String),
      }),
    );
    expect(await stateOf(id)).toBe('ABORT_FAILED');
    await cut.close();
  });

  test.each([
    [0, 'end.finished', 'FINISHED'],
    [1, 'end.aborted', 'ABORTED'],
  ])('goes on when its caller is gone, abort=%d', async (abort, step, state) => {
    let reached = () => {};
    let release = () => {};
    const atStep = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const controller = new NativeController({
      target: 'test',
      servers: service.servers,
      metadata: service.metadata,
      steps: async (name) => {
        if (name !== step) return;
        reached();
        await released;
      },
    });
    const patient = await ControllerService.start({ metadata: service.metadata, services: { controller } });
    const url = await patient.listen();
    const id = await begun(common);
    const put = request(`${url}/ingest/trans/${id}?abort=${abort}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
    });
    put.on('error', () => {});
    put.end(JSON.stringify({ auth_key: KEYS.auth }));
    await atStep;
    const gone = new Promise((resolve) => put.once('close', resolve));
    put.destroy();
    await gone;
    release();
    while ((await stateOf(id)) !== state) await sleep(10);
    await patient.close();
  });
});
