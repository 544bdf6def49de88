import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { listening } from './listening';

/** An HTTP server on a port of its own whose paths are scripted by the test. */
export class DataHttpServer {
  readonly requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = [];
  private readonly handlers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  private readonly server;

  /** With a key and a certificate: HTTPS. */
  constructor(private readonly secured?: { key: string; cert: string }) {
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url ?? '/';
      this.requests.push({ method: request.method ?? '', path, headers: request.headers });
      const handler = this.handlers.get(path);
      if (handler) handler(request, response);
      else response.writeHead(404).end();
    };
    this.server = secured === undefined ? createServer(serve) : createSecureServer(secured, serve);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async start(): Promise<this> {
    await listening(this.server);
    return this;
  }

  on(path: string, handler: (request: IncomingMessage, response: ServerResponse) => void): string {
    this.handlers.set(path, handler);
    return this.url(path);
  }

  /**
   * Serves a file; `reach` is called once, in the middle of the first answer, when `at` bytes are sent. Whoever kills there kills
   * with certainty inside the transfer: the rest is sent only after `reach` returned, and not before the next turn.
   */
  serveFile(path: string, file: string, at?: number, reach?: (sent: number) => void): string {
    let pending = reach;
    return this.on(path, (_, response) => {
      let sent = 0;
      response.writeHead(200, { 'content-length': statSync(file).size });
      const body = createReadStream(file, { highWaterMark: 64 * 1024 });
      body.on('data', (chunk) => {
        sent += chunk.length;
        if (pending === undefined || sent < (at ?? 0)) return;
        const call = pending;
        pending = undefined;
        call(sent);
      });
      body.pipe(response).on('error', () => body.destroy());
      response.on('close', () => body.destroy());
    });
  }

  url(path: string): string {
    return `${this.secured === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}${path}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
