import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BinaryService } from '../../test/support/binary-service';
import { commandLine } from '../../test/support/command-line';
import { listening } from '../../test/support/listening';
import { privateDir } from '../../test/support/servers';

/**
 * The protocol as docs/contract/binary-protocol.md has it, byte by byte and without a line of our codec: two equal mistakes cannot
 * agree here. Fields are written by their numbers.
 */

const varint = (n: number): Buffer =>
  n < 128 ? Buffer.from([n]) : Buffer.concat([Buffer.from([(n % 128) + 128]), varint(Math.floor(n / 128))]);
/** Wire type 0. */
const number = (field: number, value: number) => Buffer.concat([varint(field * 8), varint(value)]);
/** Wire type 2. */
const text = (field: number, value: string | Buffer) =>
  Buffer.concat([varint(field * 8 + 2), varint(Buffer.byteLength(value)), Buffer.from(value)]);
function framed(...fields: Buffer[]): Buffer {
  const message = Buffer.concat(fields);
  const { length } = message;
  return Buffer.concat([
    Buffer.from([length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]),
    message,
  ]);
}

const HANDSHAKE = (transactionId: number, table: string, chunk: number, key: string, rest: Buffer[] = []) =>
  framed(
    ...[number(1, transactionId), text(2, table), number(3, chunk), number(4, 0), text(6, key)],
    text(7, `file://h1/d/chunk_${chunk}.txt`),
    text(12, Buffer.concat([text(1, ','), text(2, '\\0'), text(3, '\\\\'), text(4, '\\n')])),
    ...rest,
  );
const DATA = (data: string, last: 0 | 1) => framed(text(1, data), number(2, last));

/** An answer, taken apart by hand: field number → varint or bytes. */
type Answer = Map<number, number | string>;
function takeApart(message: Buffer): Answer {
  const fields: Answer = new Map();
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = next();
    if (tag % 8 === 0) fields.set(tag >> 3, next());
    else {
      const end = next() + at;
      fields.set(tag >> 3, message.toString('utf8', at, end));
      at = end;
    }
  }
  return fields;
}

class Wire {
  private received = Buffer.alloc(0);
  private ended = false;
  private wake = () => {};

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
    socket.on('error', () => {});
  }

  static dial(port: number): Wire {
    return new Wire(connect(port, '127.0.0.1'));
  }

  /** The next frame's message; undefined when the connection was closed instead. */
  async message(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.received.length >= 4) {
        const length = this.received.readUInt32BE();
        const message = this.received.subarray(4, 4 + length);
        if (message.length === length) {
          this.received = this.received.subarray(4 + length);
          return message;
        }
      }
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async say(bytes: Buffer): Promise<Answer | undefined> {
    this.socket.write(bytes);
    const message = await this.message();
    return message && takeApart(message);
  }
}

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

const ROW = '7,1.5,-2.25,\\N,1,seven,3\n';
const loaded = async () => service.catalog.rows(service.catalog.unit(service.transactionId, chunk));

describe('the server, to a client that knows the contract alone', () => {
  const hello = (rest: Buffer[] = []) => HANDSHAKE(service.transactionId, 'Object', chunk, service.key, rest);

  test('READY, READY, FINISHED: every field is there, with its number', async () => {
    const wire = Wire.dial(port);
    const ready = await wire.say(hello([number(13, 0), text(14, '')]));
    const id = ready?.get(8) as number;
    expect([...(ready ?? [])]).toEqual([
      [1, 0],
      [3, ''],
      [4, 1],
      [5, 0],
      [6, 0],
      [7, 0],
      [8, id],
    ]);
    expect(id).toBeGreaterThan(0);
    const again = await wire.say(DATA(ROW.slice(0, 4), 0));
    expect([again?.get(1), again?.get(4), again?.get(8)]).toEqual([0, 1, id]);
    const finished = await wire.say(DATA(ROW.slice(4), 1));
    expect([...(finished ?? [])]).toEqual([
      [1, 1],
      [3, ''],
      [4, 0],
      [5, 0],
      [6, 1],
      [7, 1],
      [8, id],
    ]);
    expect(await wire.message()).toBeUndefined();
    expect(await loaded()).toEqual([[7, 1.5, -2.25, null, 1, 'seven', 3]]);
  });

  test('optional fields left out, unknown and retired ones, fields in another order, one byte at a time', async () => {
    const unknown = [number(5, 1), number(8, 1), text(9, 'x'), text(15, 'later'), number(536870911, 1)];
    const whole = hello(unknown);
    const wire = Wire.dial(port);
    wire.socket.setNoDelay(true);
    for (const byte of whole) {
      wire.socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    const ready = await wire.message();
    expect(ready && takeApart(ready).get(1)).toBe(0);
    const finished = await wire.say(framed(number(2, 1), text(1, ROW), text(77, 'later')));
    expect(finished?.get(7)).toBe(1);
    expect(await loaded()).toHaveLength(1);
  });

  test('a wrong key: FAILED, retry allowed, no id; then the connection is closed', async () => {
    const wire = Wire.dial(port);
    const failed = await wire.say(HANDSHAKE(service.transactionId, 'Object', chunk, 'wrong'));
    expect([...(failed ?? [])]).toEqual([
      [1, 2],
      [3, 'not authorized'],
      [4, 1],
      [5, 0],
      [6, 0],
      [7, 0],
      [8, 4294967295],
    ]);
    expect(await wire.message()).toBeUndefined();
  });

  test('no key at all is the empty one', async () => {
    const open = await service.listen({ key: '' });
    const hi = hello();
    const keyless = Buffer.concat([hi.subarray(4)])
      .toString('latin1')
      .replace(text(6, service.key).toString('latin1'), '');
    const ready = await Wire.dial(open.port).say(framed(Buffer.from(keyless, 'latin1')));
    expect(ready?.get(1)).toBe(0);
  });

  test('an unknown transaction, an unknown table: one FAILED and no more', async () => {
    for (const [transactionId, table] of [
      [999_999, 'Object'],
      [service.transactionId, 'T'],
    ] as const) {
      const wire = Wire.dial(port);
      const failed = await wire.say(HANDSHAKE(transactionId, table, chunk, service.key));
      expect([failed?.get(1), failed?.get(4), failed?.get(8)]).toEqual([2, 1, 4294967295]);
      expect(await wire.message()).toBeUndefined();
    }
  });

  test('a load that fails: FAILED with the id, retry not allowed once the transaction is gone', async () => {
    const wire = Wire.dial(port);
    const id = (await wire.say(hello()))?.get(8);
    await service.catalog.setState(service.transactionId, 'ABORTED');
    const failed = await wire.say(DATA(ROW, 1));
    expect([failed?.get(1), failed?.get(4), failed?.get(8)]).toEqual([2, 0, id]);
    expect(failed?.get(3)).toContain('INGEST-SVC-CONN  _dataReceived data load failed: ');
  });

  test('a required field that is missing: no answer', async () => {
    const wire = Wire.dial(port);
    wire.socket.write(framed(number(1, service.transactionId), text(2, 'Object')));
    expect(await wire.message()).toBeUndefined();
  });
});

describe('campaign send-file, to a server that knows the contract alone', () => {
  test('says what the contract says', async () => {
    const said: Buffer[] = [];
    const server = createServer(async (socket) => {
      const wire = new Wire(socket);
      const rest = '28003000380040' + '97c069';
      const answers = ['00000010 0800 1a00 2001', '00000010 0800 1a00 2001', '00000010 0801 1a00 2000'];
      for (const answer of answers) {
        const message = await wire.message();
        if (message === undefined) return;
        said.push(message);
        socket.write(Buffer.from((answer + rest).replaceAll(' ', ''), 'hex'));
      }
    });
    const own = await listening(server);
    try {
      const folder = privateDir('send');
      mkdirSync(folder);
      const path = join(folder, 'chunk_7480_overlap.txt');
      writeFileSync(path, '1,2\n3,4\n');
      const words = ['send-file', 'FILE', '127.0.0.1', String(own), '84', 'Object', 'P', path, '--record-size-bytes=6'];
      const options = [
        '--fields-terminated-by=,',
        '--fields-enclosed-by=',
        '--auth-key-env=KEY',
        '--charset-name=utf8',
      ];
      const { exit, stdout, stderr } = await commandLine([...words, ...options], {
        KEY: 'canary',
        TEMPORAL_CONFIG_FILE: '/dev/null',
      });
      expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: '', stderr: '' });
      const url = `file://${hostname()}${path}`;
      const dialect = Buffer.from('0a012c12025c301a025c5c22025c6e', 'hex');
      const handshake = [
        ...[number(1, 84), text(2, 'Object'), number(3, 7480), number(4, 1), text(6, 'canary'), text(7, url)],
        ...[text(12, dialect), number(13, 0), text(14, 'utf8')],
      ];
      expect(said.map((message) => message.toString('hex'))).toEqual(
        [Buffer.concat(handshake), DATA('1,2\n3,', 0).subarray(4), DATA('4\n', 1).subarray(4)].map((b) =>
          b.toString('hex'),
        ),
      );
    } finally {
      server.close();
    }
  });
});
