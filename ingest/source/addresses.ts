import { BlockList, isIP } from 'node:net';
import { DENIED_ADDRESSES, type HttpPolicy } from '../core/source-policy';

/** The rule behind a refusal, so that it can say what to configure. */
export type Denial = 'hosts' | 'allow' | 'deny';

/** A policy made ready for checks; see HttpPolicy. */
export class AddressPolicy {
  private readonly hosts: string[];
  private readonly allow: BlockList | undefined;
  private readonly deny: BlockList;

  constructor({ hosts = [], allow = [], deny = [...DENIED_ADDRESSES] }: HttpPolicy = {}) {
    this.hosts = hosts.map(plainHost);
    this.allow = allow.length === 0 ? undefined : ranges(allow);
    this.deny = ranges(deny);
  }

  /** What a host named in a URL breaks, if anything: the list of hosts and, for an address in any spelling, the ranges. */
  ofHost(host: string): Denial | undefined {
    const name = plainHost(host);
    const listed = this.hosts.length === 0 || this.hosts.some((pattern) => matches(name, pattern));
    if (!listed) return 'hosts';
    return isIP(name) === 0 ? undefined : this.ofAddress(name);
  }

  /** What an address breaks, if anything. IPv6 addresses that carry an IPv4 one are also checked as that. */
  ofAddress(address: string): Denial | undefined {
    const plain = address.replace(/%.*$/, '');
    const forms = [plain, ...carriedAddress(plain)];
    if (forms.some((form) => contains(this.deny, form))) return 'deny';
    const { allow } = this;
    return allow === undefined || forms.some((form) => contains(allow, form)) ? undefined : 'allow';
  }
}

/** A host as it is compared: lower case, without brackets and the final dot. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

function matches(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? isIP(host) === 0 && host.endsWith(pattern.slice(1)) : host === pattern;
}

/** A list of ranges; both families. */
export function ranges(list: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const range of list) {
    const [address = '', bits] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) blocks.addAddress(address, family);
    else blocks.addSubnet(address, Number(bits), family);
  }
  return blocks;
}

function contains(blocks: BlockList, address: string): boolean {
  return blocks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** The IPv4 address in an IPv6 one: mapped, compatible, translated (RFC 6052, 8215) or 6to4. */
function carriedAddress(address: string): string[] {
  if (isIP(address) !== 6) return [];
  const words = groups(address);
  const at = (i: number) => words[i] ?? 0;
  const zeros = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  const low = dotted(at(6), at(7));
  if (zeros(0, 5) && at(5) === 0xffff) return [low];
  if (zeros(0, 4) && at(4) === 0xffff && at(5) === 0) return [low];
  if (zeros(0, 6) && !(at(6) === 0 && at(7) <= 1)) return [low];
  if (at(0) === 0x64 && at(1) === 0xff9b && (zeros(2, 6) || at(2) === 1)) return [low];
  if (at(0) === 0x2002) return [dotted(at(1), at(2))];
  return [];
}

/** The eight groups of an IPv6 address. */
function groups(address: string): number[] {
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: unknown, low: unknown) => (Number(high) * 256 + Number(low)).toString(16);
  const text =
    tail === null ? address : `${address.slice(0, tail.index)}${hex(tail[1], tail[2])}:${hex(tail[3], tail[4])}`;
  const [head = '', rest] = text.split('::');
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const before = parse(head);
  const after = parse(rest ?? '');
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
