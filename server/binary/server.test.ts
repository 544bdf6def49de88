import { setTimeout as sleep } from 'node:timers/promises';
import { frame } from '../../api/binary/frames';
import { ingestData } from '../../api/binary/messages';
import { BinaryService } from '../../test/support/binary-service';
import { CSV_DIALECT, row, values } from '../../test/support/object-rows';

let service: BinaryService;
let port: number;
let chunk: number;
beforeAll(async () => {
  service = await BinaryService.create();
  ({ port } = await service.listen());
});
beforeEach(async () => {
  chunk = await service.begin();
});
afterAll(() => service?.close());

const record = (id: number) => service.worker.contribution(id);

describe('a whole sequence', () => {
  test('rows that span messages are loaded, the last one without its newline', async () => {
    const client = await service.dial(port);
    const ready = await client.greet(service.handshake());
    expect(ready).toEqual({
      status: 'READY_TO_READ_DATA',
      error: '',
      retryAllowed: true,
      numWarnings: 0,
      numRows: 0,
      numRowsLoaded: 0,
      id: expect.any(Number),
    });
    const text = row(1) + row(2, 'a\\\tb\\\nc') + row(3).slice(0, -1);
    const answer = await client.data(text.slice(0, 5));
    expect(answer).toEqual({ ...ready, numRows: expect.any(Number) });
    await client.data('');
    await client.data(text.slice(5, 30));
    expect(await client.data(text.slice(30), true)).toEqual({
      ...ready,
      status: 'FINISHED',
      retryAllowed: false,
      numRows: 3,
      numRowsLoaded: 3,
    });
    await client.closed();
    expect(await service.loaded()).toEqual([values(1), values(2, 'a\tb\nc'), values(3)]);
  });

  test('the descriptor tells everything', async () => {
    const client = await service.dial(port);
    const handshake = service.handshake({
      dialect: CSV_DIALECT,
      maxNumWarnings: 7,
      charset: 'utf8mb4',
      isOverlap: true,
    });
    const { id } = await client.greet(handshake);
    const text = row(1, '"ä"', ',');
    expect((await client.data(text, true)).status).toBe('FINISHED');
    expect(await record(id)).toMatchObject({
      transactionId: service.transactionId,
      worker: 'w1',
      database: service.catalog.database,
      table: 'Object',
      chunk,
      overlap: true,
      url: handshake.url,
      charset: 'utf8mb4',
      dialect: CSV_DIALECT,
      http: { method: 'GET', data: '', headers: [] },
      isAsync: false,
      maxRetries: 0,
      numFailedRetries: 0,
      failedRetries: [],
      bytes: Buffer.byteLength(text),
      rows: 1,
      rowsLoaded: 1,
      status: 'FINISHED',
      error: '',
      retryAllowed: false,
      maxNumWarnings: 7,
      numWarnings: 0,
      warnings: [],
    });
    expect(await service.catalog.rows(service.catalog.unit(service.transactionId, chunk, { overlap: true }))).toEqual([
      values(1, 'ä'),
    ]);
  });

  test('warnings are counted', async () => {
    const client = await service.dial(port);
    const { id } = await client.greet(service.handshake());
    expect(await client.data(row(1) + row(2).replace('1.5', 'x'), true)).toMatchObject({
      status: 'FINISHED',
      numWarnings: 1,
      numRows: 2,
      numRowsLoaded: 2,
    });
    expect((await record(id)).warnings).toEqual([
      { level: 'Warning', code: expect.any(Number), message: expect.any(String) },
    ]);
  });

  test('an empty file is FINISHED', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    expect(await client.data('', true)).toMatchObject({ status: 'FINISHED', numRows: 0, numRowsLoaded: 0, error: '' });
    expect((await service.loaded()) ?? []).toEqual([]);
  });

  test('a regular table takes any chunk number, and is recorded with it', async () => {
    const client = await service.dial(port);
    const { id } = await client.greet(
      service.handshake({ table: 'Filter', chunk: 4294967295, maxNumWarnings: 4294967295 }),
    );
    expect((await client.data('1\tu\n', true)).status).toBe('FINISHED');
    expect((await record(id)).chunk).toBe(4294967295);
    expect(await service.catalog.rows(service.catalog.unit(service.transactionId, 0, { table: 'Filter' }))).toEqual([
      [1, 'u'],
    ]);
  });

  test('two files go into one partition', async () => {
    for (const id of [1, 2]) {
      const client = await service.dial(port);
      await client.greet(service.handshake());
      expect((await client.data(row(id), true)).status).toBe('FINISHED');
    }
    expect(await service.loaded()).toEqual([values(1), values(2)]);
  });

  test('many megabytes in messages of any size', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    const text = Buffer.from(Array.from({ length: 100_000 }, (_, i) => row(i)).join(''));
    let at = 0;
    for (const size of [1, 2_000_000, 3, 1_000_000, 70_000]) {
      expect((await client.data(text.subarray(at, at + size))).status).toBe('READY_TO_READ_DATA');
      at += size;
    }
    const finished = await client.data(text.subarray(at), true);
    expect(finished).toMatchObject({ status: 'FINISHED', numRows: 100_000, numRowsLoaded: 100_000 });
  });

  test('a client that says no more after its last message is answered all the same', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    const finished = client.data(row(1), true);
    client.socket.end();
    expect((await finished).status).toBe('FINISHED');
    await client.closed();
  });

  test('files go into one partition at the same time', async () => {
    const ids = Array.from({ length: 6 }, (_, i) => i);
    const send = async (id: number) => {
      const client = await service.dial(port);
      await client.greet(service.handshake());
      return (await client.data(row(id), true)).status;
    };
    expect(new Set(await Promise.all(ids.map(send)))).toEqual(new Set(['FINISHED']));
    expect(await service.loaded()).toEqual(ids.map((id) => values(id)));
  });

  test('what is complete is loaded, though the client does not wait for the answer', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    const last = frame(ingestData.encode({ data: Buffer.from(row(1)), last: true }));
    client.socket.write(last, () => client.socket.destroy());
    expect((await service.ended()).status).toBe('FINISHED');
    expect(await service.loaded()).toEqual([values(1)]);
  });

  test('more is asked for only when MariaDB takes what came', async () => {
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let reached = () => {};
    const staged = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const worker = service.nativeWorker({
      steps: async (name) => {
        if (name !== 'open') return;
        reached();
        await held;
      },
    });
    const own = await service.listen({ worker });
    const client = await service.dial(own.port);
    await client.greet(service.handshake());
    let answered = false;
    const answer = client.data(row(1)).finally(() => {
      answered = true;
    });
    await staged;
    await sleep(50);
    expect(answered).toBe(false);
    goOn();
    expect((await answer).status).toBe('READY_TO_READ_DATA');
    expect((await client.data('', true)).status).toBe('FINISHED');
  });
});

describe('a server with limits of its own', () => {
  test('silence before the handshake, or in it, ends the connection', async () => {
    const own = await service.listen({ timeouts: { handshakeMs: 50 } });
    const silent = await service.dial(own.port);
    const slow = await service.dial(own.port);
    slow.socket.write(Buffer.from([0]));
    await Promise.all([silent.closed(), slow.closed()]);
  });

  test('silence while data flow ends the contribution', async () => {
    const own = await service.listen({ timeouts: { idleMs: 50 } });
    const client = await service.dial(own.port);
    await client.greet(service.handshake());
    await client.closed();
    expect(await service.ended()).toMatchObject({
      status: 'READ_FAILED',
      error: expect.stringContaining('stayed silent'),
    });
  });

  test('connections beyond the limit are closed at once', async () => {
    const own = await service.listen({ limits: { connections: 1 } });
    const first = await service.dial(own.port);
    await first.greet(service.handshake());
    const second = await service.dial(own.port).catch(() => undefined);
    await second?.closed();
    expect((await first.data(row(1), true)).status).toBe('FINISHED');
  });

  test('closing lets clients that send come to their end, and takes no new ones', async () => {
    const own = await service.listen();
    const [waiting, sending] = [await service.dial(own.port), await service.dial(own.port)];
    await sending.greet(service.handshake());
    const closed = own.server.close();
    await waiting.closed();
    expect((await sending.data(row(1))).status).toBe('READY_TO_READ_DATA');
    expect((await sending.data(row(2), true)).status).toBe('FINISHED');
    await closed;
    await expect(service.dial(own.port)).rejects.toThrow('ECONNREFUSED');
    expect(await service.loaded()).toEqual([values(1), values(2)]);
  });

  test('closing breaks off who does not come to an end', async () => {
    const own = await service.listen({ timeouts: { closeMs: 20 } });
    const client = await service.dial(own.port);
    await client.greet(service.handshake());
    await client.data(row(1));
    await own.server.close();
    await client.closed();
    expect((await service.ended()).status).toBe('READ_FAILED');
    expect(await service.loaded()).toBeNull();
  });
});
