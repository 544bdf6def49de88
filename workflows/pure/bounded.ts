/**
 * Runs `task` over `items` in order, with at most `limit` at work per key. The first failure stops new starts; it is thrown
 * when everything started has ended, so nothing runs on unseen.
 */
export async function bounded<T>(
  items: readonly T[],
  limit: number,
  key: (item: T) => string,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queues = new Map<string, T[]>();
  for (const item of items) {
    const queue = queues.get(key(item));
    if (queue) queue.push(item);
    else queues.set(key(item), [item]);
  }
  const failures: unknown[] = [];
  const drain = async (queue: T[]) => {
    while (failures.length === 0) {
      const item = queue.shift();
      if (item === undefined) return;
      try {
        await task(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all([...queues.values()].flatMap((queue) => Array.from({ length: limit }, () => drain(queue))));
  if (failures.length > 0) throw failures[0];
}
