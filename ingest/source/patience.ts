/** A time limit over several waits. */
export interface Patience {
  /** The value, or the fault when time is up first. */
  until<T>(value: Promise<T>): Promise<T>;
  end(): void;
}

/** setTimeout takes no more; larger delays would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Milliseconds as a timer takes them. */
export function delay(seconds: number): number {
  return Math.min(seconds * 1000, MAX_DELAY_MS);
}

/** From now on, all waits together take at most that long. */
export function patience(seconds: number, fault: () => Error): Patience {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(fault()), delay(seconds));
  });
  over.catch(() => {});
  return {
    until: (value) => Promise.race([value, over]),
    end: () => clearTimeout(timer),
  };
}
