import type { AddressInfo, Server } from 'node:net';

/** Lets a server of a test's own listen on a free port of the loopback interface, or of another one; returns the port. */
export async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}
