import { type LookupAddress, lookup } from 'node:dns';
import { request } from 'node:http';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { type AddressPolicy, type Denial, plainHost } from './addresses';
import type { TransferStage } from './curl';
import { faultOf, TransferFault } from './fault';
import { type Patience, patience } from './patience';
import type { HttpProxy, Trust } from './transfer';

/** A connection's end: its trust with the certificates read. */
export interface Secured extends Trust {
  context: SecureContext | undefined;
}

/** How connections of one client come about. */
export interface Route {
  policy: AddressPolicy;
  /** Seconds for a whole connection: name, TCP, proxy, TLS. */
  connectSeconds: number;
  /** Of the servers that are connected to. */
  trust: Secured;
  /** Whether these are a proxy to which requests are sent for others. */
  isToProxy?: boolean;
  /** The proxy that tunnels to a host, if one does. */
  tunnelTo?(host: string): Tunnel | undefined;
}

export type Tunnel = Pick<HttpProxy, 'isSecure' | 'host' | 'port' | 'authorization'> & { trust: Secured };

const MAX_PROXY_HEADER_BYTES = 16 * 1024;

/** undici's way to connect: every address is checked at the moment it is connected to. Errors: TransferFault. */
export function connector(route: Route): buildConnector.connector {
  return ({ protocol, hostname, port }, callback) => {
    const target = { isSecure: protocol === 'https:', host: plainHost(hostname), port: Number(port) };
    if (target.port === 0) target.port = target.isSecure ? 443 : 80;
    connect(route, target).then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    );
  };
}

interface Target {
  isSecure: boolean;
  host: string;
  port: number;
}

async function connect(route: Route, target: Target): Promise<Socket> {
  const waits = patience(route.connectSeconds, () => {
    const said = `no connection to ${target.host} within ${route.connectSeconds} s`;
    return new TransferFault(said, { curl: 28, cause: 'ETIMEDOUT' });
  });
  try {
    const proxy = route.tunnelTo?.(target.host);
    let socket: Socket;
    if (proxy !== undefined) {
      await checkTarget(route.policy, target.host, waits);
      socket = await tcp(route.policy, proxy, 'resolveProxy', waits);
      if (proxy.isSecure) socket = await tls(socket, proxy.host, proxy.trust, waits);
      socket = await tunnel(socket, proxy, target, waits);
    } else socket = await tcp(route.policy, target, route.isToProxy ? 'resolveProxy' : 'resolve', waits);
    return target.isSecure ? await tls(socket, target.host, route.trust, waits) : socket;
  } finally {
    waits.end();
  }
}

async function tcp(
  policy: AddressPolicy,
  { host, port }: Target,
  stage: TransferStage,
  waits: Patience,
): Promise<Socket> {
  const denial = policy.ofHost(host);
  if (denial !== undefined) throw deniedFault(host, denial);
  const socket = connectTcp({
    host,
    port,
    lookup: checkedLookup(policy, stage),
    autoSelectFamily: true,
    noDelay: true,
  });
  socket.setKeepAlive(true, 60_000);
  return opened(socket, 'connect', 'connect', host, waits);
}

/** Resolves as the system does and hands on only what may be connected to. */
function checkedLookup(policy: AddressPolicy, stage: TransferStage): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) {
        callback(faultOf(error, stage, host), []);
        return;
      }
      try {
        const legal = permitted(policy, host, found);
        if (options.all) callback(null, legal);
        else callback(null, legal[0]?.address ?? '', legal[0]?.family);
      } catch (denied) {
        callback(denied as Error, []);
      }
    });
  };
}

function permitted(policy: AddressPolicy, host: string, found: LookupAddress[]): LookupAddress[] {
  const legal = found.filter(({ address }) => policy.ofAddress(address) === undefined);
  const first = found[0]?.address;
  if (legal.length === 0 && first !== undefined) throw deniedFault(host, policy.ofAddress(first) ?? 'deny', first);
  return legal;
}

/**
 * A proxy resolves names by itself: here they are checked as far as this host knows them, and refused when one of their addresses is
 * denied.
 */
export async function checkTarget(policy: AddressPolicy, host: string, waits?: Patience): Promise<void> {
  const denial = policy.ofHost(host);
  if (denial !== undefined) throw deniedFault(host, denial);
  if (isIP(host) !== 0) return;
  const found = new Promise<LookupAddress[]>((resolve) => {
    lookup(host, { all: true }, (error, addresses) => resolve(error ? [] : addresses));
  });
  for (const { address } of await (waits?.until(found) ?? found)) {
    const broken = policy.ofAddress(address);
    if (broken !== undefined) throw deniedFault(host, broken, address);
  }
}

const REMEDY: Record<Denial, string> = {
  hosts: 'it is not among sources.http.hosts of the configuration',
  allow: 'that is not in an address range of sources.http.allow of the configuration',
  deny: 'that is in an address range which sources.http.deny of the configuration excludes',
};

/** A server that this host must not read from. */
export function deniedFault(host: string, denial: Denial, address = host): TransferFault {
  const at = denial === 'hosts' || address === host ? '' : ` is at ${address};`;
  return new TransferFault(`the server ${host}${at || ':'} ${REMEDY[denial]}`, { host, rule: denial }, 'SOURCE_DENIED');
}

/** CONNECT, RFC 9110 §9.3.6. */
async function tunnel(socket: Socket, proxy: Tunnel, { host, port }: Target, waits: Patience): Promise<Socket> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: authority };
  if (proxy.authorization !== undefined) headers['proxy-authorization'] = proxy.authorization;
  const answer = new Promise<void>((resolve, reject) => {
    const refuse = (status: number | undefined) => {
      const said = `the proxy ${proxy.host} gave no connection to ${host} (status ${status})`;
      reject(new TransferFault(said, { curl: 56, cause: 'PROXY_REFUSED', proxyStatus: status }));
    };
    request({
      method: 'CONNECT',
      path: authority,
      headers,
      maxHeaderSize: MAX_PROXY_HEADER_BYTES,
      createConnection: () => socket,
    })
      .on('connect', ({ statusCode = 0 }, _, head) => {
        if (statusCode < 200 || statusCode > 299) refuse(statusCode);
        else if (head.length > 0) refuse(undefined);
        else resolve();
      })
      .on('response', ({ statusCode }) => refuse(statusCode))
      .on('error', (error) => reject(faultOf(error, 'reply', `the proxy ${proxy.host}`)))
      .end();
  });
  try {
    await waits.until(answer);
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw error;
  }
  return socket;
}

async function tls(socket: Socket, host: string, trust: Secured, waits: Patience): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    host,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: trust.verifyPeer,
    ...(trust.context === undefined ? {} : { secureContext: trust.context }),
    checkServerIdentity: (_, certificate) => (trust.verifyHost ? checkServerIdentity(host, certificate) : undefined),
  });
  await opened(secured, 'secureConnect', 'tls', host, waits);
  if (trust.verifyPeer || !trust.verifyHost) return secured;
  // Node leaves the name unchecked together with the certificate, libcurl does not.
  const mismatch = checkServerIdentity(host, secured.getPeerCertificate());
  if (mismatch === undefined) return secured;
  secured.destroy();
  throw faultOf(mismatch, 'tls', host);
}

/** Waits for a socket to be ready; one that is not wanted any more is destroyed. */
async function opened<S extends Socket>(
  socket: S,
  event: string,
  stage: TransferStage,
  host: string,
  waits: Patience,
): Promise<S> {
  const ready = new Promise<S>((resolve, reject) => {
    socket.once(event, () => resolve(socket));
    socket.on('error', (error) => reject(faultOf(error, stage, host)));
    socket.once('close', () => reject(faultOf({ code: 'ECONNRESET' }, stage, host)));
  });
  try {
    return await waits.until(ready);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
