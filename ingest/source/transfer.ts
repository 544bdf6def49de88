import { isIP } from 'node:net';
import type { IngestConfig } from '../core/ingest-config';
import { addressRangeFault } from '../core/source-policy';
import { plainHost, ranges } from './addresses';
import { TransferFault } from './fault';

/** Whom a secure connection trusts. */
export interface Trust {
  /** Beginning of the parameters' names: '' or 'PROXY_'. */
  prefix: '' | 'PROXY_';
  verifyPeer: boolean;
  verifyHost: boolean;
  caPath: string;
  caInfo: string;
  /** Text; takes the place of `caInfo`. */
  caInfoVal: string;
}

export interface HttpProxy {
  isSecure: boolean;
  /** Without brackets. */
  host: string;
  port: number;
  /** Value of Proxy-Authorization. */
  authorization?: string;
  /** Tunnel also to http:// sources; https:// ones always are. */
  tunnel: boolean;
  trust: Trust;
}

/** An ingest configuration as HTTP reads need it. Seconds; undefined = no limit of its own. */
export interface Transfer {
  connectSeconds?: number;
  totalSeconds?: number;
  lowSpeed?: { bytesPerSecond: number; seconds: number };
  trust: Trust;
  proxy?: HttpProxy;
  /** Whether a host is reached without the proxy. */
  isDirect(host: string): boolean;
}

/**
 * Reads an ingest configuration, docs/contract/controller.md §9; what libcurl takes for "unset" is unset here.
 * Throws INVALID_INPUT naming a parameter whose value cannot be followed.
 */
export function transferOf(config: IngestConfig = {}): Transfer {
  const proxy = proxyOf(config);
  const [limit, seconds] = [above0(config.LOW_SPEED_LIMIT), above0(config.LOW_SPEED_TIME)];
  return {
    connectSeconds: above0(config.CONNECTTIMEOUT),
    totalSeconds: above0(config.TIMEOUT),
    ...(limit === undefined || seconds === undefined ? {} : { lowSpeed: { bytesPerSecond: limit, seconds } }),
    trust: {
      prefix: '',
      verifyPeer: config.SSL_VERIFYPEER !== 0,
      verifyHost: config.SSL_VERIFYHOST !== 0,
      caPath: config.CAPATH ?? '',
      caInfo: config.CAINFO ?? '',
      caInfoVal: config.CAINFO_VAL ?? '',
    },
    ...(proxy === undefined ? {} : { proxy }),
    isDirect: noProxy(config.CURLOPT_NOPROXY ?? ''),
  };
}

function above0(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

/** `[scheme://][user:password@]host[:port][/]`, https://curl.se/libcurl/c/CURLOPT_PROXY.html. */
const PROXY = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:([^@/]*)@)?(\[[0-9a-f:.]+\]|[^:/?#@[\]\s]+)(?::(\d{1,5}))?\/?$/i;
/** libcurl's when the proxy names none. */
const DEFAULT_PORT = { http: 1080, https: 443 };

function proxyOf(config: IngestConfig): HttpProxy | undefined {
  const text = config.CURLOPT_PROXY ?? '';
  if (text === '') return undefined;
  const [, given = 'http', user, host = '', port] = PROXY.exec(text) ?? [];
  const scheme = given.toLowerCase();
  if (host === '' || !URL.canParse(`http://${host}/`) || Number(port ?? 1) > 65_535 || Number(port ?? 1) === 0) {
    // The value is not repeated: it may hold a password.
    throw refusal('CURLOPT_PROXY', 'write it as [http://]host:port');
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw refusal('CURLOPT_PROXY', `${scheme}:// proxies are not possible here; use an http:// or https:// one`);
  }
  const decoded = user === undefined ? undefined : credentials(user);
  return {
    isSecure: scheme === 'https',
    host: plainHost(new URL(`http://${host}/`).hostname),
    port: port === undefined ? DEFAULT_PORT[scheme] : Number(port),
    ...(decoded === undefined ? {} : { authorization: `Basic ${Buffer.from(decoded).toString('base64')}` }),
    tunnel: (config.CURLOPT_HTTPPROXYTUNNEL ?? 0) !== 0,
    trust: {
      prefix: 'PROXY_',
      verifyPeer: config.PROXY_SSL_VERIFYPEER !== 0,
      verifyHost: config.PROXY_SSL_VERIFYHOST !== 0,
      caPath: config.PROXY_CAPATH ?? '',
      caInfo: config.PROXY_CAINFO ?? '',
      caInfoVal: config.PROXY_CAINFO_VAL ?? '',
    },
  };
}

function credentials(user: string): string {
  try {
    const decoded = decodeURIComponent(user);
    return decoded.includes(':') ? decoded : `${decoded}:`;
  } catch {
    throw refusal('CURLOPT_PROXY', 'bad percent encoding of user and password');
  }
}

/** https://curl.se/libcurl/c/CURLOPT_NOPROXY.html: names with all below them, addresses, ranges, or `*`. */
function noProxy(list: string): (host: string) => boolean {
  const entries = list
    .split(/[\s,]+/)
    .map((entry) => plainHost(entry).replace(/^\./, ''))
    .filter((entry) => entry !== '');
  if (list.trim() === '*') return () => true;
  const blocks = ranges(entries.filter((entry) => addressRangeFault(entry) === undefined));
  return (given) => {
    const host = plainHost(given);
    const family = isIP(host);
    if (family !== 0) return blocks.check(host, family === 4 ? 'ipv4' : 'ipv6');
    return entries.some((entry) => host === entry || host.endsWith(`.${entry}`));
  };
}

/** A parameter that cannot be followed. */
export function refusal(parameter: string, what: string, more: Record<string, unknown> = {}): TransferFault {
  return new TransferFault(
    `ingest configuration, ${parameter}: ${what}`,
    { field: parameter, ...more },
    'INVALID_INPUT',
  );
}
