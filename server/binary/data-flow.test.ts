import { frame } from '../../api/binary/frames';
import { ingestData } from '../../api/binary/messages';
import { quoteTable } from '../../ingest/storage/data/identifiers';
import { revokeContributions } from '../../ingest/storage/metadata/contribution-ends';
import { BinaryService } from '../../test/support/binary-service';
import { row } from '../../test/support/object-rows';
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

const record = (id: number) => service.worker.contribution(id);

describe('while data flow', () => {
  const started = async () => {
    const client = await service.dial(port);
    const { id } = await client.greet(service.handshake());
    expect((await client.data(row(1))).status).toBe('READY_TO_READ_DATA');
    return { client, id };
  };
  const readFailed = async (error: string) => {
    expect(await service.ended()).toMatchObject({
      status: 'READ_FAILED',
      error: expect.stringContaining(error),
      loadTime: 0,
    });
    expect(await service.loaded()).toBeNull();
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
    expect((await service.loaded()) ?? []).toEqual([]);
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
    expect(await service.loaded()).toBeNull();
  });

  test('it is cancelled', async () => {
    const { client, id } = await started();
    await service.worker.cancel(id);
    const answer = await client.data(row(2), true);
    expect(answer).toMatchObject({ status: 'FAILED', error: expect.stringContaining('cancelled'), id });
    expect(await record(id)).toMatchObject({ status: 'CANCELLED' });
    expect(await service.loaded()).toBeNull();
  });

  test('the process goes on all the same', async () => {
    expect(server.connections).toBe(0);
    const client = await service.dial(port);
    await client.greet(service.handshake());
    expect((await client.data(row(1), true)).status).toBe('FINISHED');
  });
});
