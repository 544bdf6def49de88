import postgres from 'postgres';
import { freshDatabase } from './servers';

test('each fresh database is migrated and separate', async () => {
  const urls = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()]);
  expect(new Set(urls).size).toBe(3);
  for (const url of urls) {
    const sql = postgres(url, { max: 1 });
    const [row] = await sql`SELECT count(*)::int AS n FROM public.qserv_campaigns_migration`;
    expect(row?.n).toBeGreaterThan(0);
    await sql`CREATE TABLE mine (a int)`;
    await sql.end();
  }
});
