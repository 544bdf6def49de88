import { IngestError } from '../../core/errors';
import { Turns } from '../../core/turns';
import type { Metadata } from './open';

/** Connections with locks that one process may have, and of them for one first lock: a crowd must leave some to all others. */
const MOST = 48;
const MOST_OF_ONE = 24;

/** What waits for a connection, by the records' database; by the first lock's name as long as somebody has or wants one of it. */
const crowds = new WeakMap<Metadata, { all: Turns; byName: Map<string, Turns> }>();

/** Waits until there may be one more connection for locks; returns what is to be called when it is closed. */
export async function admitted(metadata: Metadata, name: string, waitMs: number): Promise<() => void> {
  const began = Date.now();
  const crowd = crowds.get(metadata) ?? { all: new Turns(MOST), byName: new Map<string, Turns>() };
  crowds.set(metadata, crowd);
  const ofName = crowd.byName.get(name) ?? new Turns(MOST_OF_ONE);
  crowd.byName.set(name, ofName);
  const busy = () => new IngestError('BUSY', `too many operations wait for ${name}`, { lock: name });
  // First among its own: who waits there keeps nobody else waiting.
  const leaveName = await ofName.take(waitMs);
  if (leaveName === undefined) throw busy();
  const leave = await crowd.all.take(waitMs - (Date.now() - began));
  const leaveBoth = () => {
    leave?.();
    leaveName();
    if (ofName.idle) crowd.byName.delete(name);
  };
  if (leave !== undefined) return leaveBoth;
  leaveBoth();
  throw busy();
}
