import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listening } from '../../test/support/listening';
import { Peer } from './peer';

const server = createServer({ pauseOnConnect: true });
const sockets: Socket[] = [];

let port: number;
beforeAll(async () => {
  port = await listening(server);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Both ends of a connection; nobody reads anything yet. */
async function ends(): Promise<[Socket, Socket]> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  const [other] = await accepted;
  sockets.push(socket, other);
  return [socket, other];
}

/** More than the system keeps for somebody who does not read. */
const LARGE = Buffer.alloc(60_000_000);

test('who does not read is not waited for', async () => {
  const [socket] = await ends();
  await expect(new Peer(socket).send(LARGE, 200)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('is not taken'),
  });
});

test('who reads slowly is, and a silence after that is nothing', async () => {
  const [socket, other] = await ends();
  const reader = setInterval(() => other.read(), 20);
  other.on('readable', () => {});
  await new Peer(socket).send(LARGE, 1000);
  clearInterval(reader);
  expect(socket.timeout).toBe(0);
  expect(socket.destroyed).toBe(false);
});
