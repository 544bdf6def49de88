import * as texts from '../../../core/contribution-texts';
import { IngestError } from '../../../core/errors';
import type { Transaction } from '../../../storage/metadata';
import {
  type ContributionContext as Context,
  claimForContributions,
  contributionContext,
  isAllocated,
} from '../../../storage/metadata/contribution-context';
import {
  failRequest,
  lockRequest,
  type RequestAttempt,
  startAttempt,
} from '../../../storage/metadata/contribution-requests';
import type { ContributionContext } from './context';
import { checkOpen, checkTable, refused } from './create';
import type { Work } from './work';

/**
 * Starts a contribution's first attempt, if it can still be taken. What cannot is recorded as START_FAILED and thrown: DATABASE_PUBLISHED,
 * TABLE_PUBLISHED, ILLEGAL_STATE, CHUNK_NOT_ALLOCATED. REVOKED when somebody ended it meanwhile.
 */
export async function start(worker: ContributionContext, work: Work, attempt: RequestAttempt): Promise<void> {
  const refusal = await worker.metadata.transaction(async (tx) => {
    const context = await contributionContext(tx, work.place.transactionId, work.place.table);
    await lockRequest(tx, work.id, worker.session.id);
    await startAttempt(tx, work.id, attempt);
    try {
      await check(tx, worker, work, context);
      return undefined;
    } catch (error) {
      if (!(error instanceof IngestError) || !KNOWN.has(error.code)) throw error;
      await failRequest(tx, work.id, attempt.token, startFailure(error));
      return error;
    }
  });
  if (refusal) throw refused(refusal, work.id, 'START_FAILED');
}

const KNOWN = new Set(['DATABASE_PUBLISHED', 'TABLE_PUBLISHED', 'ILLEGAL_STATE', 'CHUNK_NOT_ALLOCATED']);

async function check(tx: Transaction, worker: ContributionContext, work: Work, context: Context): Promise<void> {
  const { place, channel } = work;
  const { transactionId, database, table } = place;
  if (channel === 'reference') checkOpen(context, place);
  if (context.state !== 'STARTED') {
    throw new IngestError('ILLEGAL_STATE', texts.openRefusals.notActive(transactionId), {
      id: transactionId,
      state: context.state,
    });
  }
  if (context.databasePublished) {
    throw new IngestError('DATABASE_PUBLISHED', texts.openRefusals.published(database), { database });
  }
  checkTable(context, table);
  if (context.partitioned && !(await isAllocated(tx, worker.name, database, work.chunk))) {
    const message = texts.openRefusals.notAllocated(database, work.chunk, worker.name);
    // Nothing was sent yet, and the super-transaction can take the rows: at another worker, or here when the chunk was allocated.
    throw new IngestError('CHUNK_NOT_ALLOCATED', message, {
      database,
      chunk: work.chunk,
      worker: worker.name,
      retryAllowed: true,
    });
  }
  await claimForContributions(tx, worker.name, place);
}

function startFailure(error: IngestError) {
  return {
    status: 'START_FAILED' as const,
    error: error.message,
    httpError: 0,
    systemError: 0,
    retryAllowed: error.details.retryAllowed === true,
    bytes: 0,
    rows: 0,
    readTime: 0,
    loadTime: 0,
    numWarnings: 0,
    warnings: [],
  };
}
