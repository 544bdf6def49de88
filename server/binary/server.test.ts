import { setTimeout as sleep } from 'node:timers/promises';
import { frame } from '../../api/binary/frames';
import { ingestData, NO_CONTRIBUTION } from '../../api/binary/messages';
import { quoteTable } from '../../ingest/storage/data/identifiers';
import { revokeContributions } from '../../ingest/storage/metadata/contribution-ends';
import { CSV_DIALECT, row, values } from '../../test/support/binary-rows';
import { BinaryService } from '../../test/support/binary-service';
import type { BinaryServer } from './server';

let service: BinaryService;
let server: BinaryServer;
let port: number;
let chunk: number;

beforeAll(async () => {
  service = await BinaryService.create();
  ({ server, port } = await service.listen());
});
beforeEach(async () => {
  chunk = await service.begin();
});
afterAll(() => service?.close());

const loaded = () => service.catalog.rows(service.catalog.unit(service.transactionId, chunk));
const record = (id: number) => service.worker.contribution(id);
/** The only contribution of the super-transaction, when it has come to its end. */
async function ended() {
  for (;;) {
    const [found, more] = await service.catalog.contributions(service.transactionId);
    expect(more).toBeUndefined();
    if (found && found.status !== 'IN_PROGRESS') return record(found.id as number);
    await sleep(10);
  }
}

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
    expect(await loaded()).toEqual([values(1), values(2, 'a\tb\nc'), values(3)]);
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
    expect((await loaded()) ?? []).toEqual([]);
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
    expect(await loaded()).toEqual([values(1), values(2)]);
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
    expect(await loaded()).toEqual(ids.map((id) => values(id)));
  });

  test('what is complete is loaded, though the client does not wait for the answer', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    const last = frame(ingestData.encode({ data: Buffer.from(row(1)), last: true }));
    client.socket.write(last, () => client.socket.destroy());
    expect((await ended()).status).toBe('FINISHED');
    expect(await loaded()).toEqual([values(1)]);
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

describe('refused at the handshake', () => {
  const none = { status: 'FAILED', retryAllowed: true, id: NO_CONTRIBUTION, numRows: 0 };

  const refusal = async (more: object) => {
    const client = await service.dial(port);
    const answer = await client.greet(service.handshake(more));
    await client.closed();
    return answer;
  };
  const contributions = () => service.catalog.contributions(service.transactionId);

  test.each(['', 'wrong', 'the key '])("the key '%s': not authorized, whatever else is wrong", async (authKey) => {
    expect(await refusal({ authKey, transactionId: 0, url: '' })).toEqual(
      expect.objectContaining({ ...none, error: 'not authorized' }),
    );
    expect(await contributions()).toEqual([]);
  });

  test('an unknown transaction', async () => {
    for (const transactionId of [999_999, 4294967295]) {
      const text = `DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=${transactionId} no such transaction`;
      expect(await refusal({ transactionId })).toMatchObject({ ...none, error: text });
    }
  });

  test('an unknown table', async () => {
    const error = `no such table 'T' in database '${service.catalog.database}'.`;
    expect(await refusal({ table: 'T' })).toMatchObject({ ...none, error });
    expect(await contributions()).toEqual([]);
  });

  /** Records as the refusals name them. */
  const recorded = async (more: object, status: string, error: string) => {
    const answer = await refusal(more);
    expect(answer).toMatchObject({ status: 'FAILED', error, retryAllowed: true });
    expect(await record(answer.id)).toMatchObject({ status, error, transactionId: service.transactionId, rows: 0 });
    expect(await loaded()).toBeNull();
  };

  test('a transaction that is not STARTED', async () => {
    await service.catalog.setState(service.transactionId, 'FINISHED');
    const error = `INGEST-SVC-CONN  _handshakeReceived transactionId=${service.transactionId} is not active`;
    await recorded({ url: '' }, 'CREATE_FAILED', error);
  });

  test.each([
    ['http://h1/a', "INGEST-SVC-CONN  _handshakeReceived unsupported url 'http://h1/a'"],
    ['chunk_7.txt', "Url::_translate: invalid url 'chunk_7.txt'"],
    ['file://h1/', "Url::_translate: invalid url 'file://h1/'"],
    ['', 'Url::_translate: url is empty.'],
  ])("the url '%s'", async (url, error) => {
    await recorded({ url, dialect: { ...CSV_DIALECT, fieldsTerminatedBy: '' } }, 'CREATE_FAILED', error);
  });

  test.each([
    ['fieldsTerminatedBy', ';'],
    ['fieldsEnclosedBy', ''],
    ['fieldsEscapedBy', '\\'],
    ['linesTerminatedBy', '\\r'],
  ])("the dialect with %s '%s'", async (field, value) => {
    const what =
      value === ''
        ? `a value of the parameter '${field}' is empty.`
        : `the value '${value}' of the parameter '${field}' is not allowed for the given parameter.`;
    await recorded({ dialect: { ...CSV_DIALECT, [field]: value } }, 'CREATE_FAILED', `Csv::Parser: ${what}`);
  });

  test('a character set that MariaDB does not load', async () => {
    const answer = await refusal({ charset: "x' INTO TABLE" });
    expect(answer).toMatchObject({ status: 'FAILED', error: expect.stringContaining("x' INTO TABLE") });
    expect(await record(answer.id)).toMatchObject({ status: 'CREATE_FAILED' });
  });

  test.each([1, 4294967295])('chunk %i, which is not allocated here', async (number) => {
    const database = service.catalog.database;
    await recorded(
      { chunk: number, maxNumWarnings: 4294967295 },
      'START_FAILED',
      `INGEST-FILE-SVC openFile chunk ${number} of the UNPUBLISHED database '${database}' is not allocated to worker 'w1'`,
    );
  });

  test('a published database, a published table', async () => {
    const { catalog } = service;
    const { database } = catalog;
    try {
      await catalog.setPublished('table', true);
      await recorded({}, 'START_FAILED', `table 'Object' of database '${database}' is already published.`);
      await catalog.setPublished('database', true);
      await recorded({}, 'START_FAILED', `INGEST-FILE-SVC openFile database '${database}' is already PUBLISHED`);
    } finally {
      await catalog.setPublished('table', false);
      await catalog.setPublished('database', false);
    }
  });

  test.each([
    ['a message that is none', Buffer.from('0000000548656c6c6f', 'hex')],
    ['an empty message', Buffer.alloc(4)],
    ['data instead of a handshake', frame(ingestData.encode({ data: Buffer.from('1\n'), last: true }))],
    ['a message that is announced too long', Buffer.from('03d0900100', 'hex')],
    ['a handshake that is longer than any', Buffer.concat([Buffer.from('00010001', 'hex'), Buffer.alloc(100)])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('%s: the connection is closed without a word', async (_, bytes) => {
    const client = await service.dial(port);
    client.socket.write(bytes);
    await client.closed();
    expect(await contributions()).toEqual([]);
  });

  test('a NUL character in a name: the connection is closed without a word', async () => {
    for (const more of [{ table: 'Obj\0ect' }, { url: 'file://h1/\0' }, { charset: '\0' }]) {
      const client = await service.dial(port);
      await expect(client.greet(service.handshake(more))).rejects.toThrow('closed');
    }
    expect(await contributions()).toEqual([]);
  });
});

describe('while data flow', () => {
  const started = async () => {
    const client = await service.dial(port);
    const { id } = await client.greet(service.handshake());
    expect((await client.data(row(1))).status).toBe('READY_TO_READ_DATA');
    return { client, id };
  };
  const readFailed = async (error: string) => {
    expect(await ended()).toMatchObject({ status: 'READ_FAILED', error: expect.stringContaining(error), loadTime: 0 });
    expect(await loaded()).toBeNull();
    expect(await service.catalog.stagingTables()).toEqual([]);
  };
  const LOST = 'INGEST-SVC-CONN  _dataReceived failed to receive the data packet from the client, error: ';
  const UNREADABLE = 'INGEST-SVC-CONN  _dataReceived failed to parse the data packet received from the client, error: ';

  test('the connection is lost between two messages', async () => {
    const { client } = await started();
    client.socket.destroy();
    await readFailed(LOST);
  });

  test('the connection is lost within a message', async () => {
    const { client } = await started();
    client.socket.end(frame(ingestData.encode({ data: Buffer.from(row(2)), last: true })).subarray(0, 20));
    await client.closed();
    await readFailed(LOST);
  });

  test('the connection is lost before any data', async () => {
    const client = await service.dial(port);
    await client.greet(service.handshake());
    client.socket.resetAndDestroy();
    await readFailed(LOST);
  });

  test.each([
    ['a message that is none', Buffer.from('0000000548656c6c6f', 'hex')],
    ['a message that is announced too long', Buffer.from('03d0900100', 'hex')],
    ['a handshake', undefined],
  ])('%s', async (_, bytes) => {
    const { client } = await started();
    if (bytes === undefined) await expect(client.greet(service.handshake())).rejects.toThrow('closed');
    else client.socket.write(bytes);
    await client.closed();
    await readFailed(UNREADABLE);
  });

  test('data after the last message', async () => {
    const { client } = await started();
    const last = frame(ingestData.encode({ data: Buffer.from(row(2)), last: true }));
    client.socket.write(Buffer.concat([last, frame(ingestData.encode({ data: Buffer.from(row(3)), last: true }))]));
    await client.closed();
    await readFailed(`${UNREADABLE}there are data after the last packet`);
  });

  test('a row above 16 MiB', async () => {
    const { client, id } = await started();
    const error = 'Csv::Parser: input line 2 exceeds the limit of 16777216 bytes.';
    let answer = await client.data(Buffer.alloc(17_000_000, 'x'));
    if (answer.status !== 'FAILED') answer = await client.data('', true);
    expect(answer).toMatchObject({ status: 'FAILED', error, retryAllowed: true, id, numRowsLoaded: 0 });
    await client.closed();
    await readFailed(error);
  });

  test.each([
    ['a moment before loading', false],
    ['while its data come', true],
  ])('the super-transaction is aborted %s', async (_, revokes) => {
    const { client, id } = await started();
    const { transactionId: tx, catalog } = service;
    await catalog.setState(tx, 'IS_ABORTING');
    if (revokes) await catalog.metadata.transaction((sql) => revokeContributions(sql, tx, 'IS_ABORTING'));
    const error = `INGEST-SVC-CONN  _dataReceived data load failed: INGEST-FILE-SVC loadDataIntoTable transaction ${tx} changed state to IS_ABORTING while the input file was being prepared for the ingest.`;
    const answer = await client.data(row(2), true);
    expect(answer).toMatchObject({ status: 'FAILED', error, retryAllowed: false, id });
    expect(await record(id)).toMatchObject({ status: 'LOAD_FAILED', error, retryAllowed: false });
    expect((await loaded()) ?? []).toEqual([]);
  });

  test('MariaDB refuses the load', async () => {
    const { server: mysql, database } = service.catalog;
    const { client, id } = await started();
    const inTheWay = quoteTable(database, `Object_${chunk}`);
    await mysql.run('put something in the way', `CREATE VIEW ${inTheWay} AS SELECT 1 FROM dual WHERE false`);
    const answer = await client.data(row(2), true);
    await mysql.run('clear the way', `DROP VIEW ${inTheWay}`);
    const error = expect.stringMatching(/^INGEST-SVC-CONN {2}_dataReceived data load failed: .*Object_/);
    expect(answer).toMatchObject({ status: 'FAILED', error, id, numRows: 2, numRowsLoaded: 0 });
    expect(await record(id)).toMatchObject({ status: 'LOAD_FAILED', error, retryAllowed: answer.retryAllowed });
    expect(await loaded()).toBeNull();
  });

  test('it is cancelled', async () => {
    const { client, id } = await started();
    await service.worker.cancel(id);
    const answer = await client.data(row(2), true);
    expect(answer).toMatchObject({ status: 'FAILED', error: expect.stringContaining('cancelled'), id });
    expect(await record(id)).toMatchObject({ status: 'CANCELLED' });
    expect(await loaded()).toBeNull();
  });

  test('the process goes on all the same', async () => {
    expect(server.connections).toBe(0);
    const client = await service.dial(port);
    await client.greet(service.handshake());
    expect((await client.data(row(1), true)).status).toBe('FINISHED');
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
    expect(await ended()).toMatchObject({ status: 'READ_FAILED', error: expect.stringContaining('stayed silent') });
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
    expect(await loaded()).toEqual([values(1), values(2)]);
  });

  test('closing breaks off who does not come to an end', async () => {
    const own = await service.listen({ timeouts: { closeMs: 20 } });
    const client = await service.dial(own.port);
    await client.greet(service.handshake());
    await client.data(row(1));
    await own.server.close();
    await client.closed();
    expect((await ended()).status).toBe('READ_FAILED');
    expect(await loaded()).toBeNull();
  });
});
