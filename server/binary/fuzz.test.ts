import { connect } from 'node:net';
import fc from 'fast-check';
import { frame } from '../../api/binary/frames';
import { handshakeRequest, ingestData } from '../../api/binary/messages';
import { BinaryService } from '../../test/support/binary-service';
import { newSeed } from '../../test/support/hostile';
import { row } from '../../test/support/object-rows';

let service: BinaryService;
let port: number;
beforeAll(async () => {
  service = await BinaryService.create();
  ({ port } = await service.listen());
});
afterAll(() => service?.close());

/** Sends a stream and says no more; resolves when the server has closed the connection. */
function send(stream: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(stream));
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

const seed = newSeed('binary sequences');

test(`sequences that were changed, cut or lengthened: each is loaded as a whole or not at all (seed ${seed})`, async () => {
  const chunk = await service.begin();
  const good = [
    handshakeRequest.encode(service.handshake()),
    ingestData.encode({ data: Buffer.from(row(1)), last: false }),
    ingestData.encode({ data: Buffer.from(row(2)), last: true }),
  ].map(frame);
  const handshakeBytes = (good[0] as Buffer).length;
  const stream = fc
    .record({
      order: fc.oneof(
        { weight: 4, arbitrary: fc.constant<number[]>([0, 1, 2]) },
        { weight: 1, arbitrary: fc.array(fc.nat(2), { maxLength: 5 }) },
      ),
      changes: fc.array(fc.record({ at: fc.nat(1000), byte: fc.nat(255) }), { maxLength: 3 }),
      // Changes behind the handshake alone come further.
      spare: fc.boolean(),
      length: fc.option(fc.nat(300)),
      tail: fc.uint8Array({ maxLength: 6 }),
    })
    .map(({ order, changes, spare, length, tail }) => {
      const bytes = Buffer.concat([...order.map((i) => good[i] as Buffer), tail]);
      const from = spare ? handshakeBytes : 0;
      for (const { at, byte } of changes) if (bytes.length > from) bytes[from + (at % (bytes.length - from))] = byte;
      return length === null ? bytes : bytes.subarray(0, length);
    });
  const streams = fc.sample(stream, { numRuns: 200, seed });
  const waiting = [...streams];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await send(next);
    }),
  );
  await send(Buffer.concat(good));
  const records = await service.catalog.contributions(service.transactionId);
  const statuses = new Map<unknown, number>();
  for (const { status } of records) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  expect(statuses.get('READ_FAILED')).toBeGreaterThan(20);
  expect(statuses.get('IN_PROGRESS')).toBeUndefined();
  const loadedHere = records.filter((c) => c.status === 'FINISHED' && Number(c.chunk) === chunk && !c.is_overlap);
  const rows = loadedHere.reduce((sum, c) => sum + Number(c.num_rows_loaded), 0);
  expect(loadedHere.length).toBeGreaterThan(0);
  expect(await service.catalog.rows(service.catalog.unit(service.transactionId, chunk))).toHaveLength(rows);
  expect(await service.catalog.stagingTables()).toEqual([]);
});
