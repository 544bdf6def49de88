import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type HandshakeRequest,
  handshakeRequest,
  type IngestResponse,
  ingestData,
  ingestResponse,
} from '../../api/binary/messages';
import { Peer } from '../../api/binary/peer';
import type { Contribution } from '../../ingest/core/contributions';
import { DEFAULT_DIALECT } from '../../ingest/core/dialect';
import type { MysqlAccess } from '../../ingest/storage/data/connection';
import { NativeIngestWorker, type NativeWorkerOptions } from '../../ingest/worker/native';
import { type BinaryOptions, type BinaryServer, createBinaryServer } from '../../server/binary/server';
import { TestCatalog } from './load-catalog';
import { freshDatabase, sharedMariaDb, uniqueName } from './servers';

const KEY = 'the key';

/** A service of the binary protocol over a native worker and a catalog of its own, on the run's servers. */
export class BinaryService {
  /** Transaction that `handshake` names. */
  transactionId = 0;
  private chunk = 7000;
  private readonly sockets: Socket[] = [];
  private readonly servers: BinaryServer[] = [];

  private readonly workers: NativeIngestWorker[] = [];
  readonly worker: NativeIngestWorker;

  private constructor(
    readonly catalog: TestCatalog,
    private readonly mysql: MysqlAccess,
  ) {
    this.worker = this.nativeWorker();
  }

  static async create(): Promise<BinaryService> {
    const mysql = await sharedMariaDb('w1');
    const catalog = await TestCatalog.create(uniqueName('binary'), 'w1', await freshDatabase(), mysql);
    return new BinaryService(catalog, mysql);
  }

  /** The worker, once more, changed as a test wants it. */
  nativeWorker(options: Partial<NativeWorkerOptions> = {}): NativeIngestWorker {
    const sources = { roots: {}, stallSeconds: 5 };
    const { mysql, catalog } = this;
    const worker = new NativeIngestWorker({ name: 'w1', mysql, metadata: catalog.metadata, sources, ...options });
    this.workers.push(worker);
    return worker;
  }

  readonly key = KEY;

  /** A server on a free port; `options` are changed as tests want them. */
  async listen(options: Partial<BinaryOptions> = {}): Promise<{ server: BinaryServer; port: number }> {
    const server = createBinaryServer({ worker: this.worker, key: KEY, ...options });
    this.servers.push(server);
    return { server, port: (await server.listen(0, '127.0.0.1')).port };
  }

  /** A new super-transaction; returns a new chunk that is allocated here. */
  async begin(): Promise<number> {
    this.transactionId = await this.catalog.begin();
    this.chunk += 1;
    await this.catalog.allocate(this.chunk);
    return this.chunk;
  }

  /** For the latest super-transaction and chunk. */
  handshake(more: Partial<HandshakeRequest> = {}): HandshakeRequest {
    return {
      ...{ transactionId: this.transactionId, table: 'Object', chunk: this.chunk, isOverlap: false, authKey: KEY },
      ...{ url: `file://h1/d/chunk_${this.chunk}.txt`, dialect: DEFAULT_DIALECT, maxNumWarnings: 0, charset: '' },
      ...more,
    };
  }

  /** What the latest chunk's partition of the latest super-transaction holds; null when it is not there. */
  loaded(): Promise<unknown[][] | null> {
    return this.catalog.rows(this.catalog.unit(this.transactionId, this.chunk));
  }

  /** The only contribution of the latest super-transaction, when it has come to its end. */
  async ended(): Promise<Contribution> {
    for (;;) {
      const [found, more] = await this.catalog.contributions(this.transactionId);
      if (more !== undefined) throw new Error('more than one contribution');
      if (found && found.status !== 'IN_PROGRESS') return this.worker.contribution(found.id as number);
      await sleep(10);
    }
  }

  async dial(port: number): Promise<BinaryDialogue> {
    const socket = connect(port, '127.0.0.1');
    this.sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new BinaryDialogue(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.servers) await server.close();
    for (const worker of this.workers) await worker.close();
    await this.catalog.close();
  }
}

/** The client's end of a connection, message by message. */
export class BinaryDialogue {
  private readonly peer: Peer;

  constructor(readonly socket: Socket) {
    this.peer = new Peer(socket);
  }

  async greet(handshake: HandshakeRequest): Promise<IngestResponse> {
    await this.peer.send(handshakeRequest.encode(handshake), 20_000);
    return this.answer();
  }

  async data(text: string | Buffer, last = false): Promise<IngestResponse> {
    await this.peer.send(ingestData.encode({ data: Buffer.from(text), last }), 20_000);
    return this.answer();
  }

  /** The server's next message. */
  async answer(): Promise<IngestResponse> {
    return ingestResponse.decode(await this.peer.receive({ idleMs: 20_000 }));
  }

  /** Resolves when the server has closed the connection without another word. */
  async closed(): Promise<void> {
    const answer = await this.peer.receive({ idleMs: 20_000 }).catch((error) => error);
    if (Buffer.isBuffer(answer)) throw new Error(`another answer came: ${answer.toString('hex')}`);
    if (/silent/.test(answer.message)) throw new Error('the connection is still open');
  }
}
