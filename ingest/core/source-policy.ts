import { isIP } from 'node:net';

/** Which data servers may be asked. What is denied is denied whatever `allow` says. */
export interface HttpPolicy {
  /** Names or addresses as URLs have them; `*.example.org` stands for all names below example.org. Absent or empty = any. */
  hosts?: string[];
  /** Address ranges (CIDR). Absent or empty = any that is not denied, else these alone. */
  allow?: string[];
  /** Address ranges (CIDR) that are never connected to. Absent = DENIED_ADDRESSES. */
  deny?: string[];
}

/** How much a source may be. Absent = as in SOURCE_LIMITS. */
export interface SourceLimits {
  /** Bytes of CSV, after decompression. */
  bodyBytes?: number;
  /** Bytes out of one byte of compressed input. */
  ratio?: number;
  /** Bytes of the headers of one HTTP reply; also of one request. */
  headerBytes?: number;
}

/**
 * Addresses that serve no catalogs and may give away secrets of the host: "this network", link-local (cloud metadata among them),
 * multicast, broadcast and reserved ones, and the metadata services of clouds that have other addresses. Private addresses are not
 * among them: data servers are there.
 */
export const DENIED_ADDRESSES: readonly string[] = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Alibaba, Azure, Oracle.
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  '::/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  // Amazon, Google.
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
];

export const SOURCE_LIMITS: Required<SourceLimits> = {
  bodyBytes: 2 ** 40,
  ratio: 200,
  headerBytes: 64 * 1024,
};

/** What is wrong with an address range (`10.0.0.0/8`, `fd00::/8`, or one address), or undefined. */
export function addressRangeFault(range: string): string | undefined {
  const [address = '', bits, ...more] = range.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  const most = family === 4 ? 32 : 128;
  const legal = family !== 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && +bits <= most));
  return legal ? undefined : `'${range}' is not an address range: write it as 10.0.0.0/8 or fd00::/8`;
}

/** What is wrong with a host pattern, or undefined. */
export function hostPatternFault(pattern: string): string | undefined {
  if (isIP(pattern) !== 0 || /^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(pattern)) return undefined;
  return `'${pattern}' is not a host: write a name, an address, or *.example.org for all names below`;
}
