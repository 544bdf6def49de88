import { Refusal } from '../../api/qserv/refusal';
import { type Failures, mapFailures, type TableFailure } from './failures';

/** Some final tables could not be treated, docs/contract/controller.md §14. */
export function jobFailed(failures: Failures<TableFailure>): Refusal {
  const workers = mapFailures(failures, ({ status, error }) => ({ request_status: status, request_error: error }));
  return new Refusal('E', 'The operation failed. See details in the extended report.', {
    job_state: 'FAILED',
    workers,
  });
}
