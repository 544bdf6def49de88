import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Certificate } from './certificates';
import { listening } from './listening';

/** An HTTP proxy on a port of its own, with both ways to use one. */
export class ProxyServer {
  /** `CONNECT host:port` and `GET http://…`, in the order in which they came. */
  readonly seen: string[] = [];
  /** What Proxy-Authorization must be. */
  authorization: string | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly server;

  constructor(secured?: Certificate) {
    const forward = this.forward.bind(this);
    this.server = secured === undefined ? createServer(forward) : createSecureServer(secured, forward);
    this.server.on('connect', (asked: IncomingMessage, client: Socket) => this.tunnel(asked, client));
    this.server.on('connection', (socket: Socket) => this.sockets.add(socket));
  }

  async start(host = '127.0.0.1'): Promise<this> {
    await listening(this.server, host);
    return this;
  }

  get address(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private isAllowed(asked: IncomingMessage): boolean {
    return this.authorization === undefined || asked.headers['proxy-authorization'] === this.authorization;
  }

  private forward(asked: IncomingMessage, response: ServerResponse): void {
    this.seen.push(`${asked.method} ${asked.url}`);
    if (!this.isAllowed(asked)) {
      response.writeHead(407).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = asked.headers;
    const onward = request(asked.url ?? '', { method: asked.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    asked.pipe(onward);
  }

  private tunnel(asked: IncomingMessage, client: Socket): void {
    this.seen.push(`CONNECT ${asked.url}`);
    if (!this.isAllowed(asked)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${asked.url}`);
    const server = connect(Number(port || 80), hostname.replace(/^\[|\]$/g, ''), () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    this.sockets.add(server);
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
  }
}
