import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { frame } from '../../../api/binary/frames';
import { type HandshakeRequest, handshakeRequest, ingestData, ingestResponse } from '../../../api/binary/messages';
import { Peer } from '../../../api/binary/peer';
import { listening } from '../../../test/support/listening';
import { DEFAULT_DIALECT } from '../../core/dialect';
import { type SendOptions, sendContribution } from './binary-client';
import { records } from './records';

const HANDSHAKE: HandshakeRequest = {
  transactionId: 84,
  table: 'Object',
  chunk: 7480,
  isOverlap: false,
  authKey: 'canary-key',
  url: 'file://h1/d/chunk_7480.txt',
  dialect: DEFAULT_DIALECT,
  maxNumWarnings: 0,
  charset: '',
};

const READY = ['READY_TO_READ_DATA', {}] as const;
const FINISHED = ['FINISHED', { numRows: 3, numRowsLoaded: 2, numWarnings: 1, retryAllowed: false }] as const;
const FAILED = ['FAILED', { error: 'why', retryAllowed: true }] as const;
type Answer = readonly [string, object] | 'close' | 'silence' | 'garbage';

/** A worker whose answers are written down: what our own server never says. */
class ScriptedWorker {
  readonly received: Buffer[] = [];
  private readonly sockets: Socket[] = [];
  private constructor(private readonly server: Server) {}

  static async start(answers: Answer[]): Promise<ScriptedWorker> {
    const server = createServer();
    const worker = new ScriptedWorker(server);
    server.on('connection', (socket) => void worker.serve(socket, answers).catch(() => {}));
    await listening(server);
    return worker;
  }

  get address() {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  private async serve(socket: Socket, answers: Answer[]): Promise<void> {
    this.sockets.push(socket);
    const peer = new Peer(socket);
    for (const answer of answers) {
      this.received.push(await peer.receive({ idleMs: 10_000 }));
      if (answer === 'silence') continue;
      if (answer === 'garbage') socket.write(frame(Buffer.from('garbage')));
      else if (answer === 'close') socket.destroy();
      else {
        const [status, fields] = answer;
        const empty = { error: '', retryAllowed: true, numWarnings: 0, numRows: 0, numRowsLoaded: 0, id: 17 };
        await peer.send(ingestResponse.encode({ ...empty, status: status as 'FAILED', ...fields }), 20_000);
      }
    }
    await peer.receive({ idleMs: 10_000 });
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

let worker: ScriptedWorker;
const workers: ScriptedWorker[] = [];
afterEach(() => {
  for (const one of workers.splice(0)) one.close();
});

async function start(answers: Answer[]): Promise<void> {
  worker = await ScriptedWorker.start(answers);
  workers.push(worker);
}

async function* input(...chunks: string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

async function send(answers: Answer[], options: SendOptions = {}, ...chunks: string[]) {
  await start(answers);
  const sending = sendContribution(worker.address, HANDSHAKE, input(...(chunks.length > 0 ? chunks : ['ab'])), options);
  return sending.catch((error) => error);
}

test('a contribution is sent message by message, and its figures are returned', async () => {
  const sent = await send([READY, READY, READY, FINISHED], { recordBytes: 4 }, '1,2', '\n3,4\n', '');
  expect(sent).toEqual({ id: 17, bytes: 8, numRows: 3, numRowsLoaded: 2, numWarnings: 1 });
  const [handshake, ...data] = worker.received;
  expect(handshakeRequest.decode(handshake as Buffer)).toEqual(HANDSHAKE);
  expect(data.map((message) => ingestData.decode(message))).toEqual([
    { data: Buffer.from('1,2\n'), last: false },
    { data: Buffer.from('3,4\n'), last: false },
    { data: Buffer.from(''), last: true },
  ]);
});

test.each([
  [[FAILED], 'LOAD_FAILED', 'server error: why', true],
  [[['FAILED', { error: 'not authorized', id: 4294967295 }]], 'NOT_ALLOWED', 'server error: not authorized', true],
  [[FINISHED], 'INTERNAL', 'protocol error: the server says FINISHED before any data', false],
  [[READY, READY], 'INTERNAL', 'protocol error: the server says READY_TO_READ_DATA after the last data', false],
  [[READY, ['FAILED', { error: 'why', retryAllowed: false }]], 'LOAD_FAILED', 'server error: why', false],
  [['garbage'], 'INTERNAL', 'no IngestResponse: ', true],
  [['close'], 'UNAVAILABLE', 'the connection was lost', true],
  [[READY, 'close'], 'UNAVAILABLE', 'abort the super-transaction', false],
] as [Answer[], string, string, boolean][])('answers %j are %s', async (answers, code, message, retryAllowed) => {
  const error = await send(answers);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message), details: { retryAllowed } });
  expect(error.message).toContain(`ingest service 127.0.0.1:${worker.address.port}: `);
  expect(JSON.stringify([error.message, error.details])).not.toContain('canary');
});

test('data are not sent on after FINISHED came too early', async () => {
  const error = await send([READY, FINISHED], { recordBytes: 1 });
  expect(error.message).toContain('protocol error: the server says FINISHED before the last data');
  expect(worker.received).toHaveLength(2);
});

test('a failure names the contribution when there is one', async () => {
  expect((await send([READY, FAILED])).details).toEqual({ contribution: 17, retryAllowed: true });
  expect((await send([['FAILED', { id: 4294967295 }]])).details).toEqual({ retryAllowed: true });
});

test('nobody is waited for in vain: neither an answer, nor the end of loading', async () => {
  expect(await send(['silence'], { answerMs: 30 })).toMatchObject({ code: 'UNAVAILABLE' });
  const late = await send([READY, 'silence'], { loadMs: 30 });
  expect(late).toMatchObject({ code: 'UNAVAILABLE', details: { retryAllowed: false, contribution: 17 } });
});

test('a port at which nobody listens is UNAVAILABLE', async () => {
  await start([]);
  const { address } = worker;
  worker.close();
  await expect(sendContribution(address, HANDSHAKE, input())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `ingest service 127.0.0.1:${address.port} does not answer: ECONNREFUSED`,
  });
});

test('a signal ends it', async () => {
  await start(['silence']);
  const abort = new AbortController();
  const sending = sendContribution(worker.address, HANDSHAKE, input(), { signal: abort.signal });
  setImmediate(() => abort.abort());
  await expect(sending).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(sendContribution(worker.address, HANDSHAKE, input(), { signal: abort.signal })).rejects.toMatchObject({
    code: 'CANCELLED',
  });
});

test.each([
  [0, ['!']],
  [3, ['abc', '!']],
  [4, ['abc', 'd!']],
  [6, ['abc', 'def', '!']],
])('%i bytes in records of 3', async (bytes, expected) => {
  const found: string[] = [];
  for await (const { data, last } of records(input('abcdef'.slice(0, bytes)), 3)) found.push(data + (last ? '!' : ''));
  expect(found).toEqual(expected);
});
