import { createHash } from 'node:crypto';
import { IngestError } from '../../core/errors';
import type { HeldLocks } from '../../storage/metadata/locks';
import {
  findByToken,
  findTransaction,
  insertTransaction,
  moveTransaction,
  nextTransactionId,
} from '../../storage/metadata/transactions';
import type { TransactionDescriptor, TransactionParts } from '../controller';
import { checkContext, isContext } from '../rules';
import { type NativeContext, transactionLock } from './context';
import { addIndexPartitions } from './director-index';
import { passes } from './index-chunks';
import { refuseDuringReplacement } from './replacements';

/** Points of beginning a super-transaction. */
export const BEGIN_STEPS = ['begin.record', 'begin.started'] as const;

export async function beginTransaction(
  context: NativeContext,
  database: string,
  json: Record<string, unknown>,
): Promise<TransactionDescriptor> {
  const token = isContext(json) && typeof json.token === 'string' ? shortened(json.token) : null;
  return context.withinDatabase(database, async (held) => {
    await context.requireUnpublished(database);
    checkContext(json);
    await refuseDuringReplacement(context, database);
    for (;;) {
      const known = token === null ? undefined : await context.metadata.run((sql) => findByToken(sql, database, token));
      if (known !== undefined) {
        await held.take({ name: transactionLock(known) });
        return start(context, held, known, database, token);
      }
      // The lock comes before the record: an IS_STARTING whose lock is free is one that nobody works on.
      const id = await context.metadata.run(nextTransactionId);
      await held.take({ name: transactionLock(id) });
      await context.steps('begin.record', { id, database });
      await held.check();
      if (await context.metadata.run((sql) => insertTransaction(sql, id, database, json, token))) {
        return start(context, held, id, database, token);
      }
    }
  });
}

/** PostgreSQL's indexes take no text of more than 2.7 KB; what clients call a token may be longer. */
function shortened(token: string): string {
  return Buffer.byteLength(token) <= 1000 ? token : `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

/** IS_STARTING → STARTED; every other state is returned as it is. The lock is ours. */
async function start(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  database: string,
  token: string | null,
): Promise<TransactionDescriptor> {
  const found = await findOrThrow(context, id);
  if (found.state !== 'IS_STARTING') return found;
  try {
    await addIndexPartitions(context, held, id, database);
  } catch (error) {
    // What passes is tried again by the next call, which finds the super-transaction by its token.
    if (token !== null && passes(error)) throw error;
    await held.check();
    await context.metadata.run((sql) => moveTransaction(sql, id, 'IS_STARTING', 'START_FAILED'));
    throw error;
  }
  await context.steps('begin.started', { id });
  await held.check();
  await context.metadata.run((sql) => moveTransaction(sql, id, 'IS_STARTING', 'STARTED'));
  return findOrThrow(context, id);
}

export async function findOrThrow(
  context: NativeContext,
  id: number,
  parts?: TransactionParts,
): Promise<TransactionDescriptor> {
  const found = await context.metadata.run((sql) => findTransaction(sql, id, parts));
  if (found === undefined) throw new IngestError('UNKNOWN_TRANSACTION', `no such super-transaction ${id}`, { id });
  return found;
}
