import { privateMariaDb, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { DataServer, quoteId } from './connection';
import { forgetGrant, grantToQserv } from './registration';

test.each([uniqueName('a_b'), `${uniqueName('long')}${'_x'.repeat(18)}`])(
  'rights on %s are rights on nothing else',
  async (database) => {
    const server = new DataServer('w1', await sharedMariaDb('w1'));
    const granted = async () => {
      const like = `%${/[0-9a-f]{8}/.exec(database)?.[0]}%`;
      const rows = await server.rows<{ Db: string }>(
        'read',
        "SELECT Db FROM mysql.db WHERE User = 'qsmaster' AND Db LIKE ?",
        [like],
      );
      return rows.map(({ Db }) => Db);
    };
    await grantToQserv(server, database);
    const [pattern = '', ...others] = await granted();
    expect(others).toEqual([]);
    expect(pattern.replaceAll('\\_', '_')).toBe(database);
    expect(pattern.length).toBeLessThanOrEqual(64);
    if (database.length < 30) expect(pattern).toBe(database.replaceAll('_', '\\_'));
    // As lsst/qserv grants: forgotten as well.
    await server.run('grant', `GRANT ALL ON ${quoteId(database)}.* TO 'qsmaster'@'localhost'`);
    await forgetGrant(server, database);
    await forgetGrant(server, database);
    expect(await granted()).toEqual([]);
    await server.close();
  },
);

test('a server that reads backslashes in another way is made to read them as they are written', async () => {
  const mariadb = privateMariaDb('modes');
  await mariadb.start();
  const before = new DataServer('before', mariadb.mysql);
  await before.run('set', "SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'");
  await before.close();
  const server = new DataServer('modes', mariadb.mysql);
  const text = `it's \\' "x" \\`;
  expect(await server.rows('echo', 'SELECT ? AS text, "y" AS quoted', [text])).toEqual([{ text, quoted: 'y' }]);
  await server.close();
  await mariadb.stop();
});
