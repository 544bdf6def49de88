import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** After so long an address is looked up again. */
const FRESH_MS = 30_000;

/** IP addresses of hosts: what Qserv's services tell their clients, docs/contract/controller.md §8. */
export class Addresses {
  private readonly known = new Map<string, { until: number; address: Promise<string> }>();

  constructor(
    private readonly resolve: (host: string) => Promise<string> = async (host) =>
      (await lookup(host, { verbatim: false })).address,
    private readonly now: () => number = Date.now,
  ) {}

  /** An IP address of the host; the host itself when it is one, or was never resolved. Only the first look-up is waited for. */
  of(host: string): Promise<string> {
    if (isIP(host) !== 0) return Promise.resolve(host);
    const known = this.known.get(host);
    if (known !== undefined && known.until > this.now()) return known.address;
    const address = this.resolve(host).catch(() => known?.address ?? host);
    const entry = { until: this.now() + FRESH_MS, address: known?.address ?? address };
    this.known.set(host, entry);
    if (known !== undefined) {
      void address.then(() => {
        entry.address = address;
      });
    }
    return entry.address;
  }
}
