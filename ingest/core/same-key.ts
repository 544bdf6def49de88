import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether two keys are equal, in a time that does not depend on where they differ, nor on their lengths. */
export function isSameKey(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
