import { sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { DataServer } from './connection';
import { killLockHolders, lockHolder, releaseLocks, takeLock } from './user-locks';

let server: DataServer;
beforeAll(async () => {
  server = new DataServer('test', await sharedMariaDb('w1'));
});
afterAll(() => server.close());

test('a connection that let go of a lock just before it was to be killed, and has it again, is killed at the next look', async () => {
  const lock = uniqueName('lock');
  await server.connection('hold', async (connection) => {
    await takeLock(connection, lock, 0);
    let kills = 0;
    const late: DataServer = Object.create(server, {
      run: {
        value: async (doing: string, sql: string, values: string[]) => {
          kills += 1;
          if (kills > 1) return server.run(doing, sql, values);
          await releaseLocks(connection);
          const outcome = await server.run(doing, sql, values);
          await takeLock(connection, lock, 0);
          return outcome;
        },
      },
    });
    await killLockHolders(late, [lock]);
    expect(kills).toBeGreaterThan(1);
    expect(await lockHolder(server, lock)).toBeNull();
    await expect(connection.rows('work', 'SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
