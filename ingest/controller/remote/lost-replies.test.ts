import { createServer } from 'node:http';
import { ControllerService, KEYS } from '../../../test/support/controller-service';
import { CuttingProxy } from '../../../test/support/cutting-proxy';
import { listening } from '../../../test/support/listening';
import { sharedServers } from '../../../test/support/native';
import { freshDatabase } from '../../../test/support/servers';
import { IngestError } from '../../core/errors';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { CATALOG_TABLES, newCatalog } from '../contract';
import { NativeController } from '../native/controller';
import { RemoteController } from './controller';

/** A service behind a proxy that cuts connections; one that dies in the middle of registering a table when `fails` says so. */
let service: ControllerService;
let metadata: Metadata;
let proxy: CuttingProxy;
let remote: RemoteController;
let fails = false;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  const servers = await sharedServers();
  const steps = async (name: string) => {
    if (name === 'register.table' && fails) throw new IngestError('UNAVAILABLE', 'the worker w1 went away');
  };
  const controller = new NativeController({ target: 'test', servers, metadata, steps });
  service = await ControllerService.start({ metadata, services: { controller } });
  proxy = await CuttingProxy.start(await service.listen());
  remote = connect();
});
afterAll(async () => {
  await remote.close();
  await proxy.stop();
  await service.close();
  await metadata.close();
});

const connect = (more: { settleSeconds?: number; authKey?: string; adminAuthKey?: string } = {}) =>
  new RemoteController({ url: proxy.url, authKey: KEYS.auth, adminAuthKey: KEYS.admin, pollMs: 20, ...more });
const unknown = { code: 'UNAVAILABLE', details: { outcome: 'unknown' } };
const register = async (): Promise<string> => {
  const { name } = await service.controller.registerDatabase(newCatalog());
  await service.controller.registerTable(name, CATALOG_TABLES.object);
  return name;
};

describe('registration', () => {
  test.each([
    ['reply', 1],
    ['request', 2],
  ] as const)('of a database, cut at its %s: repeated', async (how, posts) => {
    const definition = newCatalog();
    const before = proxy.count(/^POST \/ingest\/database/);
    proxy.cut(/^POST \/ingest\/database/, how);
    await expect(remote.registerDatabase(definition)).rejects.toMatchObject(unknown);
    expect(await remote.registerDatabase(definition)).toMatchObject({ name: definition.name, isPublished: false });
    expect(proxy.count(/^POST \/ingest\/database/) - before).toBe(posts);
  });

  test.each(['reply', 'request'] as const)('of a table, cut at its %s: repeated', async (how) => {
    const { name } = await service.controller.registerDatabase(newCatalog());
    proxy.cut(/^POST \/ingest\/table/, how);
    await expect(remote.registerTable(name, CATALOG_TABLES.object)).rejects.toMatchObject(unknown);
    const table = await remote.registerTable(name, CATALOG_TABLES.object);
    expect(table).toMatchObject({ definition: CATALOG_TABLES.object });
    expect(await remote.registerTable(name, CATALOG_TABLES.object)).toEqual(table);
  });

  test('a table that was left half made is deleted, and made anew', async () => {
    const { name } = await service.controller.registerDatabase(newCatalog());
    fails = true;
    await expect(remote.registerTable(name, CATALOG_TABLES.object)).rejects.toBeInstanceOf(IngestError);
    expect((await remote.database(name)).tables).toEqual([]);
    // Nor does it stay when it cannot be deleted at once.
    proxy.cut(/^DELETE \/ingest\/table/, 'request');
    await expect(remote.registerTable(name, CATALOG_TABLES.object)).rejects.toBeInstanceOf(IngestError);
    const [half] = (await remote.database(name)).tables;
    fails = false;
    const table = await remote.registerTable(name, CATALOG_TABLES.object);
    expect(table.createTime).toBeGreaterThan(half?.createTime as number);
  });
});

describe('begin', () => {
  const token = () => ({ token: Math.random().toString(36).slice(2) });
  const open = async (database: string) => service.controller.transactions({ database });

  test('a lost reply: the super-transaction is found by its token', async () => {
    const database = await register();
    const context = token();
    proxy.cut(/^POST \/ingest\/trans/, 'reply');
    const begun = await remote.beginTransaction(database, context);
    expect(begun).toMatchObject({ state: 'STARTED', context });
    expect(await remote.beginTransaction(database, context)).toMatchObject({ id: begun.id });
    expect(await open(database)).toHaveLength(1);
  });

  test.each(['waiting', 'request'] as const)('cut (%s): repeated until it is there, and there is one', async (how) => {
    const database = await register();
    const context = token();
    proxy.cut(/^POST \/ingest\/trans/, how);
    let begun = await remote.beginTransaction(database, context).catch((error) => error);
    if (begun instanceof IngestError) {
      expect(begun).toMatchObject(unknown);
      begun = await remote.beginTransaction(database, context);
    }
    expect(begun.state).toBe('STARTED');
    expect(await open(database)).toHaveLength(1);
  });

  test('without a token nobody can tell', async () => {
    const database = await register();
    proxy.cut(/^POST \/ingest\/trans/, 'reply');
    await expect(remote.beginTransaction(database, {})).rejects.toMatchObject(unknown);
  });

  test('of several with the token, which late requests can leave, the oldest counts', async () => {
    const database = await register();
    const context = token();
    const ids = [];
    for (const _ of [1, 2, 3]) ids.push((await service.controller.beginTransaction(database, {})).id);
    await metadata.run(
      (sql) => sql`UPDATE qserv.transaction SET context = ${sql.json(context)} WHERE database = ${database}`,
    );
    expect(await remote.beginTransaction(database, context)).toMatchObject({ id: ids[0], state: 'STARTED' });
    expect((await open(database)).map(({ state }) => state)).toEqual(['ABORTED', 'ABORTED', 'STARTED']);
  });
});

test.each([
  ['Lost connection to server during query, errno: 2013', 'UNAVAILABLE'],
  ['Too many partitions (including subpartitions) were defined, errno: 1499', 'INDEX_FAILED'],
])('begin that failed in the director index: %s is %s', async (why, code) => {
  const database = 'started';
  const context = { token: 'a/1' };
  const id = 84;
  const data = { table: 'Object', error: why, success: 0 };
  const log = [{ id: 1, transaction_state: 'IS_STARTING', name: 'end add dir idx part', time: 1, data }];
  const failed = {
    id,
    database,
    state: 'START_FAILED',
    begin_time: 1,
    start_time: 0,
    transition_time: 0,
    end_time: 2,
    context,
    log,
  };
  const text = (fields: object) => JSON.stringify({ error: '', error_ext: {}, warning: '', ...fields });
  let begun = false;
  const scripted = createServer((request, response) => {
    begun ||= request.method === 'POST';
    const known = {
      kind: 'replication-controller',
      id: 'a',
      instance_id: 'q',
      version: 55,
      database_schema_version: 15,
    };
    const listed = { [database]: { is_published: 0, num_chunks: 0, transactions: begun ? [failed] : [] } };
    if (request.url === '/meta/version') response.end(text({ success: 1, ...known }));
    else if (request.method === 'POST') response.end(text({ success: 0, error: `operation failed due to: ${why}` }));
    else response.end(text({ success: 1, databases: listed }));
  });
  const port = await listening(scripted);
  const client = new RemoteController({ url: `http://127.0.0.1:${port}`, authKey: '', pollMs: 20 });
  await expect(client.beginTransaction(database, context)).rejects.toMatchObject({ code });
  // The next call finds it: it is aborted by its token, and another is begun.
  expect(await client.beginTransaction(database, context)).toMatchObject({ id, state: 'START_FAILED' });
  await client.close();
  await new Promise((resolve) => scripted.close(resolve));
});

describe('end', () => {
  const begin = async (): Promise<number> => {
    const database = await register();
    return (await service.controller.beginTransaction(database, {})).id;
  };
  const setState = (id: number, state: string) =>
    metadata.run((sql) => sql`UPDATE qserv.transaction SET state = ${state} WHERE id = ${id}`);

  test.each(['reply', 'waiting'] as const)('of a commit (%s): the state says that it is done', async (how) => {
    const id = await begin();
    proxy.cut(/^PUT \/ingest\/trans/, how);
    const ended = await remote.endTransaction(id, 'commit').catch((error) => error);
    // Where it had not begun yet, another call finds it.
    if (ended instanceof IngestError) expect(ended).toMatchObject(unknown);
    expect(await remote.endTransaction(id, 'commit')).toMatchObject({ id, state: 'FINISHED' });
  });

  test('of an abort: the same', async () => {
    const id = await begin();
    proxy.cut(/^PUT \/ingest\/trans/, 'reply');
    expect(await remote.endTransaction(id, 'abort')).toMatchObject({ id, state: 'ABORTED' });
  });

  test('a request that did not arrive is UNAVAILABLE, and may be repeated', async () => {
    const id = await begin();
    proxy.cut(/^PUT \/ingest\/trans/, 'request');
    await expect(remote.endTransaction(id, 'commit')).rejects.toMatchObject(unknown);
    expect((await remote.transaction(id)).state).toBe('STARTED');
    expect(await remote.endTransaction(id, 'commit')).toMatchObject({ state: 'FINISHED' });
  });

  test('somebody else is ending it: that is waited for', async () => {
    const id = await begin();
    await setState(id, 'IS_FINISHING');
    const ended = remote.endTransaction(id, 'commit');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await setState(id, 'FINISHED');
    expect(await ended).toMatchObject({ state: 'FINISHED' });
  });

  test('nobody is ending it any more: it can be aborted', async () => {
    const id = await begin();
    await setState(id, 'IS_FINISHING');
    const impatient = connect({ settleSeconds: 0.2 });
    await expect(impatient.endTransaction(id, 'commit')).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      details: { id, state: 'IS_FINISHING' },
    });
    expect(await impatient.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
    await impatient.close();
  });

  test('a commit that failed says that it is to be aborted', async () => {
    const id = await begin();
    await setState(id, 'FINISH_FAILED');
    await expect(remote.endTransaction(id, 'commit')).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      details: { id, state: 'FINISH_FAILED' },
    });
  });
});

describe('the rest', () => {
  test('publish: what was done is seen in the records', async () => {
    const database = await register();
    await remote.allocateChunks({ database }, [7480]);
    proxy.cut(/^PUT \/ingest\/database/, 'reply');
    expect((await remote.publish(database)).database.isPublished).toBe(true);
    proxy.cut(/^PUT \/replication\/config\/database/, 'reply');
    await expect(remote.unpublish(database)).rejects.toMatchObject(unknown);
    expect((await remote.unpublish(database)).isPublished).toBe(false);
    proxy.cut(/^PUT \/ingest\/database/, 'request');
    await expect(remote.publish(database)).rejects.toMatchObject(unknown);
    expect((await remote.publish(database)).database.isPublished).toBe(true);
  });

  test('what is asked for again while it is at work is asked for once', async () => {
    const database = await register();
    await remote.allocateChunks({ database }, [7480]);
    const before = proxy.count(/^PUT \/ingest\/database/);
    const both = await Promise.all([remote.publish(database), remote.publish(database)]);
    expect(both.map((report) => report.database.isPublished)).toEqual([true, true]);
    expect(proxy.count(/^PUT \/ingest\/database/) - before).toBe(1);
  });

  test('deletion: what is gone is gone', async () => {
    const database = await register();
    proxy.cut(/^DELETE \/ingest\/table/, 'reply');
    await expect(remote.deleteTable(database, 'Object')).rejects.toMatchObject(unknown);
    await remote.deleteTable(database, 'Object');
    proxy.cut(/^DELETE \/ingest\/database/, 'reply');
    await expect(remote.deleteDatabase(database)).rejects.toMatchObject(unknown);
    await remote.deleteDatabase(database);
  });
});

describe('keys', () => {
  test('a wrong one is NOT_ALLOWED, and not told', async () => {
    const wrong = connect({ authKey: 'not-the-key' });
    const failure = await wrong.registerDatabase(newCatalog()).catch((error) => error);
    expect(failure).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(JSON.stringify([failure.message, failure.details])).not.toContain('not-the-key');
    await wrong.close();
  });

  test("without the administrator's, what needs it is not even asked for", async () => {
    const database = await register();
    await remote.allocateChunks({ database }, [7480]);
    await remote.publish(database);
    const plain = connect({ adminAuthKey: undefined });
    const before = proxy.count(/^(PUT|DELETE) /);
    await expect(plain.unpublish(database)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(proxy.count(/^(PUT|DELETE) /)).toBe(before);
    await expect(plain.deleteTable(database, 'Object', { published: true })).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
    });
    await plain.close();
  });
});
