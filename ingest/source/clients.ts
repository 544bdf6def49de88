import { isIPv6 } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { SOURCE_LIMITS } from '../core/source-policy';
import { AddressPolicy } from './addresses';
import { checkTarget, connector, deniedFault, type Secured } from './connector';
import type { SourceRules } from './rules';
import { type Transfer, type Trust, transferOf } from './transfer';
import { type Authorities, authorities, digest, secureContext } from './trust';

/** Sets of connections kept, one for each way to connect that is in use; the longest unused goes first. */
const MAX_KEPT = 32;

/** Where a request has to be sent so that it reaches its URL. */
export interface Way {
  dispatcher: Dispatcher;
  origin: string;
  path: string;
  /** To be sent where the request has none of that name; names in lower case. */
  headers: [name: string, value: string][];
}

/** Sends requests in one way: policy, trust, proxy. */
class HttpClient {
  private readonly policy: AddressPolicy;
  private readonly servers: Agent;
  /** To the proxy, for requests that it sends on. */
  private readonly forward: Agent | undefined;

  constructor(
    rules: SourceRules,
    private readonly transfer: Transfer,
    trusted: { servers: Authorities; proxy: Authorities },
  ) {
    const { proxy, trust } = transfer;
    const policy = new AddressPolicy(rules.http);
    this.policy = policy;
    const connectSeconds = transfer.connectSeconds ?? rules.stallSeconds;
    const maxHeaderSize = rules.limits?.headerBytes ?? SOURCE_LIMITS.headerBytes;
    const secured = (of: Trust, certificates: Authorities): Secured => ({
      ...of,
      context: secureContext(of, certificates),
    });
    const tunnel = proxy && { ...proxy, trust: secured(proxy.trust, trusted.proxy) };
    const tunnelTo = (host: string) => (transfer.isDirect(host) ? undefined : tunnel);
    const ofServers = { policy, connectSeconds, trust: secured(trust, trusted.servers), tunnelTo };
    this.servers = new Agent({ connect: connector(ofServers), maxHeaderSize });
    if (tunnel === undefined || tunnel.tunnel) return;
    const ofProxy = { policy, connectSeconds, trust: tunnel.trust, isToProxy: true };
    this.forward = new Agent({ connect: connector(ofProxy), maxHeaderSize });
  }

  /** Errors: TransferFault, SOURCE_DENIED. */
  async to(url: URL): Promise<Way> {
    const denial = this.policy.ofHost(url.hostname);
    if (denial !== undefined) throw deniedFault(url.hostname, denial);
    const path = url.pathname + url.search;
    const { proxy } = this.transfer;
    if (
      proxy === undefined ||
      this.forward === undefined ||
      url.protocol !== 'http:' ||
      this.transfer.isDirect(url.hostname)
    )
      return { dispatcher: this.servers, origin: url.origin, path, headers: [] };
    await checkTarget(this.policy, url.hostname);
    const host = isIPv6(proxy.host) ? `[${proxy.host}]` : proxy.host;
    const { authorization } = proxy;
    return {
      dispatcher: this.forward,
      origin: `${proxy.isSecure ? 'https' : 'http'}://${host}:${proxy.port}`,
      path: url.origin + path,
      headers: [
        ['host', url.host],
        ...(authorization === undefined ? [] : [['proxy-authorization', authorization] as [string, string]]),
      ],
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.servers.close(), this.forward?.close()]);
  }

  async destroy(): Promise<void> {
    await Promise.all([this.servers.destroy(), this.forward?.destroy()]);
  }
}

/** Connections to data servers, kept for the next source. Close it and they are gone. */
export class HttpClients {
  private readonly kept = new Map<string, HttpClient>();

  /** The way that a database's settings and this host's rules leave to a URL. Errors: TransferFault. */
  async to(url: URL, rules: SourceRules, transfer = transferOf(rules.transfer)): Promise<Way> {
    const { trust, proxy } = transfer;
    const trusted = {
      servers: await authorities(trust),
      proxy: proxy === undefined ? undefined : await authorities(proxy.trust),
    };
    const key = JSON.stringify([
      rules.http,
      rules.limits?.headerBytes,
      transfer.connectSeconds ?? rules.stallSeconds,
      [trust.verifyHost, trust.verifyPeer, digest(trusted.servers)],
      proxy && [proxy, digest(trusted.proxy), rules.transfer?.CURLOPT_NOPROXY],
    ]);
    const client = this.kept.get(key) ?? new HttpClient(rules, transfer, trusted);
    // Behind the others: the first one is the longest unused.
    this.kept.delete(key);
    this.kept.set(key, client);
    if (this.kept.size > MAX_KEPT) {
      const [[oldest, unused] = []] = this.kept;
      if (oldest !== undefined) this.kept.delete(oldest);
      void unused?.close();
    }
    return client.to(url);
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    const clients = [...this.kept.values()];
    this.kept.clear();
    await Promise.all(clients.map((client) => client.destroy()));
  }
}

/** For reads that belong to no worker. Idle connections neither last nor keep a process alive. */
export const sharedClients = new HttpClients();
