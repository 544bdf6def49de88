import type { Contribution } from '../../core/contributions';
import { type ErrorCode, IngestError } from '../../core/errors';
import { shownUrl } from '../../core/shown-url';
import { hidden } from '../../remote/hidden';
import { refusalError } from '../../remote/refusals';

/** MySQL's words for rows that it cannot take. */
const ROWS =
  /Incorrect .* value|Data too long|Data truncated|doesn't contain data for all columns|contains more data than|Duplicate entry|cannot be null|Out of range/i;

/** A contribution that ended in failure, as an error; `details.retryAllowed` as Qserv says. */
export function contributionError(contribution: Contribution, secrets: string[] = []): IngestError {
  const { id, status, error, httpError, systemError, retryAllowed } = contribution;
  const url = shownUrl(contribution.url);
  const known = refusalError(url, error, {});
  const facts = { ...known.details, url, contribution: id, status, retryAllowed, httpError, systemError };
  const { httpError: _, systemError: __, ...others } = facts;
  const details = status === 'READ_FAILED' ? facts : others;
  const message = `${url}: ${error.trim() || `the contribution is ${status}`}`;
  return hidden(new IngestError(codeOf(contribution, known), message, details), secrets);
}

function codeOf(contribution: Contribution, known: IngestError): ErrorCode {
  const { status, error } = contribution;
  // By somebody else: whoever gives a load up does not wait for its end.
  if (status === 'CANCELLED') return 'LOAD_FAILED';
  if (status === 'READ_FAILED') return readCode(contribution);
  if (known.code !== 'INTERNAL' && known.code !== 'LOAD_FAILED') return known.code;
  return ROWS.test(error) ? 'BAD_ROWS' : 'LOAD_FAILED';
}

const ENOENT = 2;
const ENOTDIR = 20;
const EPERM = 1;
const EACCES = 13;

/** docs/contract/worker.md §1: the status of the data server, else the system's number. */
function readCode({ httpError, systemError, error }: Contribution): ErrorCode {
  if (/exceeds the limit of/.test(error)) return 'BAD_ROWS';
  if (httpError >= 500 || httpError === 408 || httpError === 429) return 'SOURCE_BROKEN';
  if (httpError === 401 || httpError === 403) return 'SOURCE_DENIED';
  if (httpError >= 400) return 'SOURCE_MISSING';
  if (systemError === ENOENT || systemError === ENOTDIR) return 'SOURCE_MISSING';
  if (systemError === EPERM || systemError === EACCES) return 'SOURCE_DENIED';
  return 'SOURCE_BROKEN';
}
