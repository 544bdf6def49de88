import { newCatalog } from '../../ingest/controller/contract';
import { ControllerService, OK } from '../../test/support/controller-service';
import { failingAt, withoutWorker } from '../../test/support/failing-controllers';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start();
});
afterAll(() => service.close());

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const unknown = (name: string) => `${F}CONFIG  _databaseInfo no such database '${name}'.`;

const newName = () => newCatalog().name;
const partitioning = { num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
const register = (database: unknown, given: Record<string, unknown> = {}) =>
  service.call('POST', '/ingest/database', { body: { ...partitioning, database, ...given } });
const registered = async (): Promise<string> => {
  const name = newName();
  expect((await register(name)).error).toBe('');
  return name;
};
const published = async (): Promise<string> => {
  const name = await registered();
  await service.controller.allocateChunks({ database: name }, [7480]);
  await service.controller.publish(name);
  return name;
};
const descriptor = (name: string) => ({
  database: name,
  family_name: 'layout_85_12',
  is_published: 0,
  create_time: expect.any(Number),
  publish_time: 0,
  tables: [],
});

describe('POST /ingest/database', () => {
  test('registers a database once', async () => {
    const name = newName();
    expect(await register(name)).toEqual({ ...OK, database: descriptor(name) });
    const exists = `${F}CONFIG  addDatabase the database '${name}' already exists.`;
    expect(await register(name)).toMatchObject({ success: 0, error: exists });
    expect(await register(name, { num_stripes: 90, auto_build_secondary_index: 0 })).toMatchObject({ error: exists });
    // As with a real server the family stays.
    expect(await service.controller.family('layout_90_12')).toMatchObject({ numStripes: 90 });
  });

  test('one of many callers at the same time succeeds', async () => {
    const name = newName();
    const all = await Promise.all([1, 2, 3, 4].map(() => register(name)));
    const exists = `${F}CONFIG  addDatabase the database '${name}' already exists.`;
    expect(all.map(({ error }) => error).sort()).toEqual(['', exists, exists, exists]);
  });

  test('knows the alphabetically last family of the partitioning, whatever the overlap', async () => {
    const family = { replicationLevel: 1, numStripes: 33, numSubStripes: 4 };
    await service.controller.addFamily({ ...family, name: 'zz', overlap: 0.1 });
    await service.controller.addFamily({ ...family, name: 'aa', overlap: 0.2 });
    const reply = await register(newName(), { num_stripes: 33, num_sub_stripes: 4, overlap: 0 });
    expect(reply).toMatchObject({ success: 1, database: { family_name: 'zz' } });
  });

  test('needs the name of a new family to be free', async () => {
    const family = { name: 'layout_34_4', replicationLevel: 1, numStripes: 35, numSubStripes: 4, overlap: 0.1 };
    await service.controller.addFamily(family);
    expect(await register(newName(), { num_stripes: 34, num_sub_stripes: 4 })).toMatchObject({
      success: 0,
      error: `${F}CONFIG  addDatabaseFamily the family 'layout_34_4' already exists.`,
    });
  });

  test('a name that differs in case only is taken', async () => {
    const name = await registered();
    expect(await register(name.toUpperCase())).toMatchObject({
      success: 0,
      error: expect.stringContaining('in case only'),
    });
  });

  test('of names that differ in case only one is registered, also at once', async () => {
    const name = newName();
    const replies = await Promise.all([name, name.toUpperCase(), name].map((one) => register(one)));
    expect(replies.map(({ success }) => success).sort()).toEqual([0, 0, 1]);
    for (const { success, error } of replies) {
      if (success === 0) expect(error).toMatch(/already exists|in case only/);
    }
  });

  test('warns of an option that is gone', async () => {
    const obsolete = "Option 'local_load_secondary_index' is obsolete as of the version 20 of the API.";
    expect(await register(newName(), { local_load_secondary_index: 1 })).toMatchObject({ warning: obsolete });
    expect(await register(newName(), { local_load_secondary_index: 0, version: 0 })).toMatchObject({
      warning: `No version number was provided in the request.; ${obsolete}`,
    });
  });

  test.each([
    [{ overlap: -0.1 }, "overlap can't have a negative value"],
    [{ num_stripes: 0 }, `${P}CONFIG  addDatabaseFamily numStripes(0)`],
    [{ num_sub_stripes: false }, `${P}CONFIG  addDatabaseFamily numSubStripes(0)`],
    [{ num_stripes: 77, overlap: 0 }, `${P}CONFIG  addDatabaseFamily overlap(<=0)`],
    [
      { num_stripes: 0, num_sub_stripes: 0, overlap: 0 },
      `${P}CONFIG  addDatabaseFamily numStripes(0) numSubStripes(0) overlap(<=0)`,
    ],
    [{ overlap: true }, `${F}[json.exception.type_error.302] type must be number, but is boolean`],
    [{ num_stripes: '85' }, `${F}[json.exception.type_error.302] type must be number, but is string`],
    [{ database: 5 }, `${F}[json.exception.type_error.302] type must be string, but is number`],
    [
      { num_stripes: undefined },
      `${P}RequestBodyJSON::required<T>[static] required parameter num_stripes is missing in the request body`,
    ],
    [{ database: 'a`b' }, expect.stringContaining("'a`b' is not a legal name")],
    [{ database: '' }, expect.stringContaining('a name is missing')],
    [{ num_stripes: -1 }, expect.stringContaining('must not exceed')],
  ])('refuses %j', async (given, error) => {
    expect(await register(newName(), given)).toMatchObject({ success: 0, error });
  });

  test('says which worker it failed on', async () => {
    const lame = await withoutWorker(service);
    const body = { ...partitioning, database: newName() };
    const reply = await lame.call('POST', '/ingest/database', { body });
    expect(reply.error).toMatch(/^database creation failed, worker: w3, {2}error: .*ECONNREFUSED/);
    await lame.close();
  });
});

describe('GET /ingest/database', () => {
  const list = async (body: Record<string, unknown>, query: Record<string, string | number> = {}) => {
    const { databases, ...rest } = await service.call('GET', '/ingest/database', { body, query });
    return rest.success ? (databases as { name: string }[]).map(({ name }) => name) : rest.error;
  };

  test('tells of all, of a family, of those published or not; in the body or the query', async () => {
    const [a, b] = [await registered(), await published()];
    const { databases } = await service.call('GET', '/ingest/database');
    expect(databases).toContainEqual({ name: a, family: 'layout_85_12', is_published: 0 });
    expect(databases).toContainEqual({ name: b, family: 'layout_85_12', is_published: 1 });
    expect(await list({ all: 0, published: 1 })).toEqual([b]);
    expect(await list({ all: 0, published: 0 })).toContain(a);
    expect(await list({ all: 0, published: 0 })).not.toContain(b);
    expect(await list({}, { all: 0, published: 1 })).toEqual([b]);
    expect(await list({ published: 1 }, { all: 0, published: 0 })).toEqual([b]);
    expect(await list({ family: 'zz' })).not.toContain(a);
    expect(await list({}, { family: 'layout_85_12', all: 1 })).toContain(a);
  });

  test.each([
    [
      { all: 0 },
      `${P}RequestBodyJSON::required<T>[static] required parameter published is missing in the request body`,
    ],
    [{ family: 'nope' }, `${F}CONFIG  _databaseFamilyInfo no such database family 'nope'.`],
    [{ family: null }, `${F}[json.exception.type_error.302] type must be string, but is null`],
  ])('refuses %j', async (body, error) => {
    expect(await list(body)).toBe(error);
  });
});

describe('PUT /replication/config/database/:database', () => {
  const put = (name: string, body: Record<string, unknown> = {}, admin = true) =>
    service.call('PUT', `/replication/config/database/${name}`, { body, admin });

  test('unpublishes, and sets the flags back, for administrators', async () => {
    const name = await published();
    expect(await put(name, {}, false)).toMatchObject({
      success: 0,
      error: "administrator's privileges are required to (un-)publish databases.",
    });
    const reply = await put(name);
    const time = expect.any(Number);
    const expected = { ...descriptor(name), publish_time: time };
    expect(reply).toEqual({ ...OK, config: { databases: { [name]: expected } } });
    expect(await put(name)).toMatchObject({
      success: 0,
      error: `${F}CONFIG  _publishDatabase database '${name}' is not published.`,
    });
    const again = await put(name, { publish: 1 });
    expect(again).toEqual({ ...OK, config: { databases: { [name]: { ...expected, is_published: 1 } } } });
    expect(await put(name, { publish: true })).toMatchObject({
      success: 0,
      error: `${F}CONFIG  _publishDatabase database '${name}' is already published.`,
    });
    expect(await put('nope')).toMatchObject({ error: unknown('nope') });
    expect(await put('nope', { publish: 1 })).toMatchObject({ error: unknown('nope') });
  });

  test('publish is of version 34', async () => {
    const range = 'The requested version 33 of the API is not in the range supported by the service.';
    expect(await put('nope', { publish: 1, version: 33 })).toMatchObject({
      error: range,
      error_ext: { min_version: 34, max_version: 55 },
    });
    expect(await put('nope', { publish: 0, version: 33 })).toMatchObject({ error: unknown('nope') });
    expect(await put('nope', { publish: 1, version: 34 })).toMatchObject({ error: unknown('nope') });
  });
});

describe('DELETE /ingest/database/:database', () => {
  const remove = (name: string, admin = false, of = service) =>
    of.call('DELETE', `/ingest/database/${name}`, { admin, query: { delete_secondary_index: 1 } });

  test('deletes, and then there is none', async () => {
    const name = await registered();
    await service.controller.beginTransaction(name, {});
    expect(await remove(name)).toEqual(OK);
    expect(await remove(name)).toMatchObject({ success: 0, error: unknown(name) });
  });

  test('of what is published is for administrators', async () => {
    const name = await published();
    expect(await remove(name)).toMatchObject({
      success: 0,
      error: "deleting published databases requires administrator's privileges.",
    });
    expect(await remove(name, true)).toEqual(OK);
    expect(await remove(name, true)).toMatchObject({ error: unknown(name) });
  });

  test('says which worker it failed on', async () => {
    const name = await registered();
    const lame = await failingAt(service, 'delete.worker');
    expect((await remove(name, false, lame)).error).toMatch(
      /^database deletion failed, worker: w[12], {2}error: gone$/,
    );
    await lame.close();
    expect(await remove(name)).toEqual(OK);
  });
});
