import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { listening } from './listening';

/**
 * How a connection is cut. request: before the service hears of it. reply: once the service has begun to answer; nothing of that
 * arrives. waiting: as soon as the request is passed on; the service goes on by itself.
 */
export type Cut = 'request' | 'reply' | 'waiting';

/** A TCP proxy in front of a service over HTTP, whose connections break where a test wants them to. */
export class CuttingProxy {
  private cuts: { line: RegExp; how: Cut }[] = [];
  private readonly sockets = new Set<Socket>();
  /** First lines of the requests that came. */
  readonly requests: string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (client) => this.serve(client));
  }

  /** In front of what listens at this URL. */
  static async start(url: string): Promise<CuttingProxy> {
    const server = createServer();
    await listening(server);
    return new CuttingProxy(server, Number(new URL(url).port));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Cuts the next request whose first line matches. */
  cut(line: RegExp, how: Cut): void {
    this.cuts.push({ line, how });
  }

  /** Requests that matched so far. */
  count(line: RegExp): number {
    return this.requests.filter((request) => line.test(request)).length;
  }

  private serve(client: Socket): void {
    const upstream = connect(this.port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    }
    let doomed = false;
    client.on('data', (data) => {
      const line = /^(GET|POST|PUT|DELETE) .*/.exec(data.toString('latin1'))?.[0];
      const how = line === undefined ? undefined : this.next(line);
      if (how === 'request') {
        client.destroy();
        upstream.destroy();
        return;
      }
      upstream.write(data);
      if (how === 'waiting') client.destroy();
      doomed ||= how !== undefined;
    });
    upstream.on('data', (data) => {
      if (!doomed) client.write(data);
      else {
        client.destroy();
        upstream.destroy();
      }
    });
    upstream.on('close', () => client.destroy());
    client.on('close', () => {
      if (!doomed) upstream.destroy();
    });
  }

  private next(line: string): Cut | undefined {
    this.requests.push(line);
    const at = this.cuts.findIndex((cut) => cut.line.test(line));
    return at < 0 ? undefined : this.cuts.splice(at, 1)[0]?.how;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
