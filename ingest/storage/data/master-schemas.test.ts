import { privateMariaDb, sharedMariaDb } from '../../../test/support/servers';
import { DataServer } from './connection';
import { ensureCssSchema, ensureMetaSchema, KV_TABLE } from './master-schemas';

const keys = async (server: DataServer) =>
  server.rows(
    'read keys',
    `SELECT k.kvKey AS name, k.kvVal AS value, p.kvKey AS parent FROM ${KV_TABLE} k
     LEFT JOIN ${KV_TABLE} p ON p.kvId = k.parentKvId WHERE k.kvKey = '' OR k.kvKey LIKE '/css_meta%' ORDER BY k.kvKey`,
  );

const EXPECTED = [
  { name: '', value: '', parent: null },
  { name: '/css_meta', value: '', parent: '' },
  { name: '/css_meta/version', value: '1', parent: '/css_meta' },
];

describe('a plain MariaDB', () => {
  const mariadb = privateMariaDb('plain');
  let server: DataServer;

  beforeAll(async () => {
    await mariadb.start();
    server = new DataServer('plain', mariadb.mysql);
  });
  afterAll(async () => {
    await server.close();
    await mariadb.stop();
  });

  test('gets both schemas, however many ask at once, and again changes nothing', async () => {
    await Promise.all([1, 2, 3].flatMap(() => [ensureMetaSchema(server), ensureCssSchema(server)]));
    await ensureMetaSchema(server);
    await ensureCssSchema(server);
    expect(await keys(server)).toEqual(EXPECTED);
    const grants = await server.rows("qsmaster's", "SHOW GRANTS FOR 'qsmaster'@'localhost'");
    expect(JSON.stringify(grants)).toMatch(/qservCssData.*qservMeta|qservMeta.*qservCssData/);
  });

  test('what an interrupted call left is completed', async () => {
    await server.run('forget the version', `DELETE FROM ${KV_TABLE} WHERE kvKey LIKE '/css_meta%' ORDER BY kvId DESC`);
    await ensureCssSchema(server);
    expect(await keys(server)).toEqual(EXPECTED);
  });

  test('a store of another version is refused', async () => {
    await server.run('another version', `UPDATE ${KV_TABLE} SET kvVal = '2' WHERE kvKey = '/css_meta/version'`);
    await expect(ensureCssSchema(server)).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      details: { version: '2', expected: '1' },
    });
  });
});

test('a preinstalled store is used as it is', async () => {
  const server = new DataServer('master', await sharedMariaDb('master'));
  const definition = () => server.rows('show', `SHOW CREATE TABLE ${KV_TABLE}`).then(([row]) => row?.['Create Table']);
  const before = await definition();
  await ensureMetaSchema(server);
  await ensureCssSchema(server);
  expect(String(await definition()).replace(/AUTO_INCREMENT=\d+/, '')).toBe(
    String(before).replace(/AUTO_INCREMENT=\d+/, ''),
  );
  expect(await keys(server)).toEqual(EXPECTED);
  await server.close();
});
