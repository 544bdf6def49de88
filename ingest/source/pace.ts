import { curlError } from './curl';
import { broken } from './errors';
import { delay } from './patience';
import type { Transfer } from './transfer';

/**
 * How long a source may take. Time counts only while we wait for the source, not while whoever takes its bytes is slow: a LOAD that
 * takes its time is no fault of the data server. (libcurl in lsst/qserv writes to a file first, and so measures the same.)
 */
export class Pace {
  private waitedMs = 0;
  private bytes = 0;
  /** Of the present stretch of LOW_SPEED_TIME. */
  private stretchMs = 0;
  private stretchBytes = 0;

  constructor(
    private readonly url: string,
    private readonly stallSeconds: number,
    private readonly limits: Pick<Transfer, 'totalSeconds' | 'lowSpeed'> = {},
  ) {}

  /** Waits for the source's next sign of life. SOURCE_BROKEN when it does not come in time; the caller then breaks the source off. */
  async wait<T>(next: Promise<T>, bytesOf: (value: T) => number, how: { mayStall?: boolean } = {}): Promise<T> {
    const began = performance.now();
    let counted = 0;
    const count = () => {
      const passed = performance.now() - began - counted;
      counted += passed;
      this.waitedMs += passed;
      this.stretchMs += passed;
    };
    for (;;) {
      const left = this.left(how.mayStall ? Number.POSITIVE_INFINITY : this.stallSeconds * 1000 - counted);
      const outcome = await within(next, left);
      count();
      if (outcome !== undefined) {
        const bytes = bytesOf(outcome.value);
        this.bytes += bytes;
        this.stretchBytes += bytes;
        this.checkSpeed();
        return outcome.value;
      }
      this.checkSpeed();
      const { totalSeconds } = this.limits;
      if (totalSeconds !== undefined && this.waitedMs >= totalSeconds * 1000)
        throw this.tooSlow(`took longer than ${totalSeconds} s (TIMEOUT of the ingest configuration)`);
      if (!how.mayStall && counted >= this.stallSeconds * 1000)
        throw this.tooSlow(`no byte for ${this.stallSeconds} s`);
    }
  }

  /** Milliseconds until the next limit. */
  private left(stallMs: number): number {
    const { totalSeconds, lowSpeed } = this.limits;
    return Math.min(
      stallMs,
      totalSeconds === undefined ? Number.POSITIVE_INFINITY : totalSeconds * 1000 - this.waitedMs,
      lowSpeed === undefined ? Number.POSITIVE_INFINITY : lowSpeed.seconds * 1000 - this.stretchMs,
    );
  }

  private checkSpeed(): void {
    const { lowSpeed } = this.limits;
    if (lowSpeed === undefined || this.stretchMs < lowSpeed.seconds * 1000) return;
    if (this.stretchBytes * 1000 < lowSpeed.bytesPerSecond * this.stretchMs) {
      const { bytesPerSecond, seconds } = lowSpeed;
      throw this.tooSlow(
        `slower than ${bytesPerSecond} bytes a second for ${seconds} s (LOW_SPEED_LIMIT, LOW_SPEED_TIME)`,
      );
    }
    this.stretchMs = 0;
    this.stretchBytes = 0;
  }

  private tooSlow(what: string): Error {
    return broken(this.url, `${what}, after ${this.bytes} bytes`, { bytes: this.bytes, curl: curlError(28) });
  }
}

/** The value, or undefined when that time has passed. */
async function within<T>(value: Promise<T>, ms: number): Promise<{ value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(delay(ms / 1000), 1));
  });
  try {
    return await Promise.race([value.then((got) => ({ value: got })), over]);
  } finally {
    clearTimeout(timer);
  }
}
