import { Pool } from 'undici';
import { ControllerService, KEYS } from '../../test/support/controller-service';
import { registerCatalog } from '../../test/support/registered';

const REQUESTS = 10_000;
const SERVICES = 3;
/** To each service. */
const CONNECTIONS = 100;
const LIST = 10;
const CHUNKS = Array.from({ length: 500 }, (_, i) => 7140 + (i % 125) + 170 * Math.floor(i / 125));

/** Services side by side, each with a controller of its own over the same records, as several processes have. */
let services: ControllerService[];
let pools: Pool[];
beforeAll(async () => {
  const first = await ControllerService.start();
  const { metadata } = first;
  services = [first];
  while (services.length < SERVICES) services.push(await ControllerService.start({ metadata }));
  const urls = await Promise.all(services.map((service) => service.listen()));
  pools = urls.map((url) => new Pool(url, { connections: CONNECTIONS }));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  const [first, ...others] = services;
  await Promise.all(others.map((service) => service.close()));
  await first?.close();
});

test('10,000 requests at once for the same 500 chunks, in all forms, get one worker a chunk', async () => {
  const [{ controller }] = services as [ControllerService];
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const ask = async (i: number): Promise<{ chunk: number; worker: string }[]> => {
    const scope = i % 3 === 0 ? { transaction_id: id } : { database };
    // Every request begins elsewhere and half of the lists go backwards, so that who decides alone decides otherwise.
    const some = Array.from({ length: LIST }, (_, j) => CHUNKS[(i * 7 + (i % 2 ? j : LIST - j)) % CHUNKS.length]);
    const [path, what] = (
      [
        ['chunk', { chunk: some[0] }],
        ['chunks', { chunks: some }],
        ['chunk-multi', { chunk: some[0] }],
        ['chunks-multi', { chunks: some }],
      ] as const
    )[i % 4] as [string, object];
    const { body } = await (pools[i % SERVICES] as Pool).request({
      method: 'POST',
      path: `/ingest/${path}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth_key: KEYS.auth, version: 55, ...scope, ...what }),
    });
    const reply = (await body.json()) as { success: number; error: string; locations: never[] };
    if (reply.success !== 1) throw new Error(reply.error);
    return reply.locations;
  };
  const answers = (await Promise.all(Array.from({ length: REQUESTS }, (_, i) => ask(i)))).flat();

  const told = new Map<number, Set<string>>();
  for (const { chunk, worker } of answers) told.set(chunk, (told.get(chunk) ?? new Set()).add(worker));
  expect(told.size).toBe(500);
  expect([...told.values()].filter((workers) => workers.size > 1)).toEqual([]);
  const recorded = await controller.chunks(database);
  expect(recorded).toHaveLength(500);
  for (const { chunk, worker } of recorded) expect([...(told.get(chunk) ?? [])]).toEqual([worker]);
  const load = (name: string) => recorded.filter(({ worker }) => worker === name).length;
  expect([load('w1'), load('w2')]).toEqual([250, 250]);
}, 120_000);
