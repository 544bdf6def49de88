import { frame } from '../../api/binary/frames';
import { ingestData, NO_CONTRIBUTION } from '../../api/binary/messages';
import { BinaryService } from '../../test/support/binary-service';
import { CSV_DIALECT } from '../../test/support/object-rows';

let service: BinaryService;
let port: number;
beforeAll(async () => {
  service = await BinaryService.create();
  ({ port } = await service.listen());
});
beforeEach(async () => {
  await service.begin();
});
afterAll(() => service?.close());

const record = (id: number) => service.worker.contribution(id);

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
    expect(await service.loaded()).toBeNull();
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
