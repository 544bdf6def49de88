/**
 * Waits for one thing after the other, each until one end that may come at any time. With `Promise.race` that end, as long as it does not
 * come, would keep every outcome it was ever raced with in memory.
 */
export class Race<E> {
  private readonly running = new Set<Runner<E>>();
  private over = false;

  constructor(private readonly end: Promise<E>) {
    end.then(
      (value) => this.stop(({ resolve }) => resolve(value)),
      (error) => this.stop(({ reject }) => reject(error)),
    );
  }

  /** What the value comes to, or the end if that comes first. */
  with<T>(value: PromiseLike<T>): Promise<T | E> {
    if (this.over) return Promise.race([value, this.end]);
    return new Promise<T | E>((resolve, reject) => {
      const runner: Runner<E> = { resolve, reject };
      this.running.add(runner);
      value.then(
        (got) => {
          this.running.delete(runner);
          resolve(got);
        },
        (error) => {
          this.running.delete(runner);
          reject(error);
        },
      );
    });
  }

  private stop(how: (runner: Runner<E>) => void): void {
    this.over = true;
    for (const runner of this.running) how(runner);
    this.running.clear();
  }
}

interface Runner<E> {
  resolve(value: E): void;
  reject(error: unknown): void;
}
