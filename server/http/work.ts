import type { Route } from './route';

/** What requests began, whether or not anybody still waits for its reply: it must come to its end before connections are closed. */
export class Work {
  private readonly running = new Set<Promise<unknown>>();

  /** The same routes; what they do counts from now on. */
  of(routes: Route[]): Route[] {
    return routes.map(({ endpoint, handle }) => ({ endpoint, handle: (call) => this.counted(handle(call)) }));
  }

  /** Resolves when nothing is under way; nothing new may be begun any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.running);
  }

  private counted<T>(work: Promise<T>): Promise<T> {
    const over = () => this.running.delete(work);
    this.running.add(work);
    work.then(over, over);
    return work;
  }
}
