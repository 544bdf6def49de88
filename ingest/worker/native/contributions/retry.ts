import type { Contribution } from '../../../core/contributions';
import { IngestError } from '../../../core/errors';
import { findContribution } from '../../../storage/metadata/contribution-records';
import { findRequest, retryRequest } from '../../../storage/metadata/contribution-requests';
import type { ContributionContext } from './context';
import { unknownContribution } from './inputs';

/** Takes a contribution that could not be read up again, docs/contract/worker.md §4. Errors as in `ContributionOperations.retry`. */
export async function takeUpAgain(worker: ContributionContext, id: number, isAsync: boolean): Promise<Contribution> {
  await worker.session.hold();
  return worker.metadata.transaction(async (tx) => {
    const request = await findRequest(tx, id, { lock: true });
    const contribution = await findContribution(tx, id);
    if (contribution === undefined) throw unknownContribution(id);
    const { status } = contribution;
    if (status !== 'READ_FAILED') {
      const message = `contribution id=${id} is not in state READ_FAILED, the actual state is ${status}.`;
      throw new IngestError('ILLEGAL_STATE', message, { contribution: id, status });
    }
    if (contribution.worker !== worker.name) {
      throw new IngestError(
        'ILLEGAL_STATE',
        `contribution id=${id} was originally processed by worker '${contribution.worker}', while this retry operation was request at worker '${worker.name}'.`,
        { contribution: id, worker: contribution.worker },
      );
    }
    if (request?.channel !== 'reference') {
      const how = request === undefined ? 'a campaign sent it' : 'its rows came with the request';
      throw new IngestError(
        'ILLEGAL_STATE',
        `contribution id=${id} cannot be read again: ${how}. Make a new contribution of it.`,
        { contribution: id },
      );
    }
    await retryRequest(tx, id, worker.session.id, isAsync);
    return (await findContribution(tx, id)) as Contribution;
  });
}
