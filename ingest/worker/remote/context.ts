import { setTimeout as pause } from 'node:timers/promises';
import type { AnyEndpoint } from '../../../api/qserv/endpoint';
import type { Controller, WorkerLocation } from '../../controller/controller';
import { IngestError } from '../../core/errors';
import { type CallOptions, QservClient, type Replied, type Sent } from '../../remote/client';
import { isCode } from '../../remote/outcome';

export interface RemoteWorkerOptions {
  /** As Qserv calls the worker. */
  name: string;
  /** Of the same Qserv; closed by whoever opened it. */
  controller: Controller;
  authKey: string;
  /** Folders behind `root://NAME/…`, as the worker sees them. */
  roots: Record<string, string>;
  /** Value behind `${env:NAME}` in HTTP headers and in queries of URLs, which are sent to the worker. */
  resolveSecret?: (name: string) => string | undefined;
  /** Connections to the worker for what is answered at once; further requests wait. Default 8. */
  connections?: number;
  connectSeconds?: number;
  readSeconds?: number;
  /** Between two looks at a contribution that is being loaded, ms: from the first value up to the second. Default 20 to 2000. */
  pollMs?: [number, number];
  /** Between two looks at the super-transaction of one that is being loaded, ms. Default 30,000. */
  stateMs?: number;
}

/** How long after a lost reply the contribution is looked for, ms. */
const LOOKED_FOR_MS = [0, 250, 500, 1000, 2000];

/** What the operations of one remote worker share. */
export class RemoteWorkerContext {
  readonly name: string;
  readonly controller: Controller;
  readonly roots: Record<string, string>;
  readonly resolveSecret?: (name: string) => string | undefined;
  readonly lookedForMs = LOOKED_FOR_MS;
  readonly stateMs: number;
  private readonly pollMs: [number, number];
  private client?: Promise<QservClient>;

  constructor(private readonly options: RemoteWorkerOptions) {
    const { name, controller, roots, resolveSecret, pollMs = [20, 2000], stateMs = 30_000 } = options;
    this.name = name;
    this.controller = controller;
    this.roots = roots;
    this.resolveSecret = resolveSecret;
    this.pollMs = pollMs;
    this.stateMs = stateMs;
  }

  async call<E extends AnyEndpoint>(endpoint: E, sent: Sent<E>, options?: CallOptions): Promise<Replied<E>> {
    return this.with((client) => client.call(endpoint, sent, options));
  }

  /** Works with the worker's service where the controller says that it is; where nobody is there, the next call asks again. */
  async with<T>(work: (client: QservClient) => Promise<T>): Promise<T> {
    this.client ??= this.connect();
    const mine = this.client;
    try {
      return await work(await mine);
    } catch (error) {
      const connected = await mine.then(
        () => true,
        () => false,
      );
      if (!connected || (error instanceof IngestError && error.details.outcome === 'not sent')) this.forget(mine);
      throw error;
    }
  }

  /** See RemoteIngestWorker.reach. What the controller cannot tell is not the worker's fault, and thrown as it is. */
  async reach(seconds: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    for await (const _ of this.looks(signal)) {
      await this.with(async () => {});
      try {
        await this.with((client) => client.identity(signal));
        return;
      } catch (error) {
        if (!isCode(error, 'UNAVAILABLE')) throw error;
        if (performance.now() < deadline) continue;
        const message = `worker ${this.name} has not answered for ${seconds} s: ${error.message}; start its service, then retry`;
        throw new IngestError('NO_WORKERS', message, { worker: this.name });
      }
    }
  }

  private async connect(): Promise<QservClient> {
    const { authKey, connections, connectSeconds, readSeconds } = this.options;
    const found = (await this.controller.workers()).find(({ name }) => name === this.name);
    if (found === undefined) {
      throw new IngestError('UNKNOWN_WORKER', `Qserv has no worker '${this.name}'`, { worker: this.name });
    }
    const urls = urlsOf(found.location);
    return new QservClient({ service: 'worker', urls, authKey, connections, connectSeconds, readSeconds });
  }

  private forget(mine: Promise<QservClient>): void {
    if (this.client === mine) this.client = undefined;
    mine.then((client) => client.retire()).catch(() => {});
  }

  pause(ms: number, signal?: AbortSignal): Promise<void> {
    return pause(ms, undefined, { signal });
  }

  /** Longer from one to the next. */
  async *looks(signal?: AbortSignal): AsyncGenerator<void> {
    let [wait, longest] = this.pollMs;
    for (;;) {
      await pause(wait, undefined, { signal });
      yield;
      wait = Math.min(longest, wait * 1.6);
      longest = Math.max(longest, wait);
    }
  }

  async close(): Promise<void> {
    await (await this.client?.catch(() => undefined))?.close();
  }
}

/** The address first: names may be several, with commas (docs/contract/README.md §4). */
function urlsOf({ httpHost, httpHostName, httpPort }: WorkerLocation): string[] {
  const hosts = [httpHost, ...httpHostName.split(',')].map((host) => host.trim()).filter((host) => host !== '');
  return [...new Set(hosts)].map((host) => `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`);
}
