interface Waiting<Request, Answer> {
  request: Request;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Answers requests with the same key together: those that come while others are being answered wait for the next round, which they
 * share. So no answer is older than its request, and a crowd costs little more than one.
 */
export class Gathering<Request, Answer> {
  /** For the next round, by key; there is an entry while a round goes on. */
  private readonly waiting = new Map<string, Waiting<Request, Answer>[]>();

  /** `round` returns one function per request, which returns its answer or throws; what it throws itself is for all. */
  constructor(private readonly round: (requests: [Request, ...Request[]]) => Promise<(() => Answer)[]>) {}

  ask(key: string, request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const queue = this.waiting.get(key);
      if (queue !== undefined) {
        queue.push({ request, resolve, reject });
        return;
      }
      this.waiting.set(key, [{ request, resolve, reject }]);
      void this.run(key);
    });
  }

  private async run(key: string): Promise<void> {
    for (let all = this.take(key); all.length > 0; all = this.take(key)) {
      try {
        const answers = await this.round(all.map(({ request }) => request) as [Request, ...Request[]]);
        for (const [i, { resolve, reject }] of all.entries()) {
          try {
            resolve((answers[i] as () => Answer)());
          } catch (error) {
            reject(error);
          }
        }
      } catch (error) {
        for (const { reject } of all) reject(error);
      }
    }
    this.waiting.delete(key);
  }

  private take(key: string): Waiting<Request, Answer>[] {
    const all = this.waiting.get(key) ?? [];
    this.waiting.set(key, []);
    return all;
  }
}
