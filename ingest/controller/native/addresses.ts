import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** For so long an address is not looked up again. */
const FRESH_MS = 30_000;

/** IP addresses of hosts: what Qserv's services tell their clients, docs/contract/controller.md §8. */
export class Addresses {
  private readonly known = new Map<string, { until: number; address: Promise<string> }>();

  /** An IP address of the host; the host itself when it is one, or cannot be resolved. */
  of(host: string): Promise<string> {
    if (isIP(host) !== 0) return Promise.resolve(host);
    const known = this.known.get(host);
    if (known !== undefined && known.until > Date.now()) return known.address;
    const address = lookup(host, { verbatim: false }).then(
      (found) => found.address,
      () => host,
    );
    this.known.set(host, { until: Date.now() + FRESH_MS, address });
    return address;
  }
}
