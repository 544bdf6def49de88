import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects garbage now, so that a WeakRef tells whether something is still held. */
export const gc = runInNewContext('gc') as () => void;
