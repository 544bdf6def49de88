/** Lets so many callers in at once; the others wait, first come, first served. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private taken = 0;

  constructor(private readonly width: number) {}

  /** Waits for a turn; what it returns ends it. Undefined when none comes within `waitMs`; default: waits for ever. */
  async take(waitMs?: number): Promise<(() => void) | undefined> {
    if (this.taken < this.width) this.taken += 1;
    else if (!(await this.called(waitMs))) return undefined;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.waiting.shift();
      if (next) next();
      else this.taken -= 1;
    };
  }

  /** Nobody has a turn, or waits for one. */
  get idle(): boolean {
    return this.taken === 0;
  }

  private called(waitMs?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const call = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(call), 1);
        resolve(false);
      };
      const timer = waitMs === undefined ? undefined : setTimeout(leave, waitMs);
      this.waiting.push(call);
    });
  }
}
