import { type AddressInfo, createServer, type Socket } from 'node:net';
import { BinaryConnection } from './connection';
import { BINARY_LIMITS, BINARY_TIMEOUTS, type BinaryLimits, type BinaryService, type BinaryTimeouts } from './service';

export interface BinaryOptions extends Pick<BinaryService, 'worker' | 'key'> {
  timeouts?: Partial<BinaryTimeouts>;
  limits?: Partial<BinaryLimits>;
  /** Default: silent. */
  logger?: BinaryService['logger'];
}

/** A worker's service for Qserv's binary ingest protocol, docs/contract/binary-protocol.md. */
export interface BinaryServer {
  /** Port 0 means any free one. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Clients connected now. */
  readonly connections: number;
  /**
   * Takes no more connections. Clients that are sending have a while to come to their end, then their contributions are READ_FAILED;
   * what is complete is loaded and answered.
   */
  close(): Promise<void>;
}

export function createBinaryServer({ worker, key, timeouts, limits, logger }: BinaryOptions): BinaryServer {
  const service: BinaryService = {
    worker,
    key,
    timeouts: { ...BINARY_TIMEOUTS, ...timeouts },
    limits: { ...BINARY_LIMITS, ...limits },
    logger,
  };
  const open = new Map<BinaryConnection, Promise<void>>();
  const accept = (socket: Socket) => {
    const connection = new BinaryConnection(socket, service);
    const served = connection
      .run()
      .catch((error) => {
        logger?.error({ err: error }, 'a binary connection failed');
        connection.breakOff();
      })
      .finally(() => open.delete(connection));
    open.set(connection, served);
  };
  const sockets = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
  const server = createServer(sockets, accept);
  server.maxConnections = service.limits.connections;
  server.on('drop', (from) => logger?.warn({ from: from?.remoteAddress }, 'too many binary connections'));
  server.on('error', (error) => logger?.error({ err: error }, 'the binary service failed'));

  const breakOff = (...phases: BinaryConnection['phase'][]) => {
    for (const connection of open.keys()) if (phases.includes(connection.phase)) connection.breakOff();
  };
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    get connections() {
      return open.size;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      breakOff('greeting', 'leaving');
      const late = setTimeout(() => breakOff('greeting', 'receiving', 'leaving'), service.timeouts.closeMs);
      await Promise.all(open.values());
      clearTimeout(late);
      await closed;
    },
  };
}
