import { z } from 'zod';
import { CONTRIBUTION_STATUSES, type Contribution } from '../../ingest/core/contributions';
import { shownUrl } from '../../ingest/core/shown-url';
import { bit, time, toBit } from './fields';

const count = z.number().int().nonnegative();

/** A contribution on the wire, docs/contract/worker.md §8. */
export const contributionDescriptor = z
  .object({
    id: count.describe('Number of the contribution.'),
    transaction_id: count.describe('Its super-transaction.'),
    worker: z.string().describe('Worker that it was sent to.'),
    database: z.string().describe('Database of the super-transaction.'),
    table: z.string().describe('Base name.'),
    chunk: count.describe('As submitted; for regular tables any value.'),
    overlap: bit.describe('1: rows of the overlap table.'),
    url: z.string().describe('Without credentials and query.'),
    charset_name: z.string().describe('Character set of the input.'),
    async: bit.describe('1: it waited in the queue of its worker.'),
    dialect_input: z
      .object({
        fields_terminated_by: z.string().describe('Between values.'),
        fields_enclosed_by: z.string().describe('Around values.'),
        fields_escaped_by: z.string().describe('Before characters that are meant as they are.'),
        lines_terminated_by: z.string().describe('Behind rows.'),
      })
      .describe('Escape names.'),
    http_method: z.string().describe('Of the request to the source.'),
    http_data: z.string().describe('Masked.'),
    http_headers: z.array(z.string()).describe('Names; the values are masked.'),
    max_retries: count.describe('Retries of reading that are allowed.'),
    num_failed_retries: count.describe('Attempts that failed before the last one.'),
    failed_retries: z
      .array(
        z.object({
          num_bytes: count.describe('Read.'),
          num_rows: count.describe('Read.'),
          start_time: time.describe('When the attempt began, ms.'),
          read_time: time.describe('When all was read, ms; 0: never.'),
          tmp_file: z.string().describe('Where the rows waited.'),
          http_error: z.number().int().describe('HTTP status of the source, or 0.'),
          system_error: z.number().int().describe('errno, or 0.'),
          error: z.string().describe('What went wrong.'),
        }),
      )
      .describe('Oldest first.'),
    num_bytes: count.describe('Of the input.'),
    num_rows: count.describe('Of the input.'),
    create_time: time.describe('When it was asked for, ms since the Unix epoch.'),
    start_time: time.describe('When it was taken up, ms; 0: not yet.'),
    read_time: time.describe('When its input was read, ms; 0: not yet.'),
    load_time: time.describe('When its rows were in the table, ms; 0: not yet.'),
    status: z.enum(CONTRIBUTION_STATUSES).describe('IN_PROGRESS, or how it ended.'),
    tmp_file: z.string().describe('Where the rows wait.'),
    http_error: z.number().int().describe('HTTP status of the source, or 0.'),
    system_error: z.number().int().describe('errno.'),
    error: z.string().describe('Of the last attempt.'),
    retry_allowed: bit.describe('1: a retry can help, and harms nothing.'),
    max_num_warnings: count.describe('Warnings that are kept.'),
    num_warnings: count.describe("MySQL's own count; may be larger than the number of warnings."),
    num_rows_loaded: count.describe('In the table.'),
    warnings: z
      .array(
        z.object({
          level: z.string().describe('Warning, Error or Note.'),
          code: z.number().int().describe("MySQL's number."),
          message: z.string().describe("MySQL's words."),
        }),
      )
      .describe('Of the last attempt.'),
  })
  .meta({ id: 'Contribution' });
export type ContributionDescriptor = z.infer<typeof contributionDescriptor>;

/** What stands in replies for a value that may be a secret. */
export const MASK = '***';

const maskedHeader = (header: string) => {
  const colon = header.indexOf(':');
  return colon < 0 ? MASK : `${header.slice(0, colon)}: ${MASK}`;
};

/**
 * As replies show it. A deviation from Qserv, which shows everything: credentials and query of the URL, the values of HTTP headers
 * and the data sent to the source are masked, because whoever may ask for a contribution need not be who gave it.
 */
export function toWireContribution(c: Contribution): ContributionDescriptor {
  return {
    id: c.id,
    transaction_id: c.transactionId,
    worker: c.worker,
    database: c.database,
    table: c.table,
    chunk: c.chunk,
    overlap: toBit(c.overlap),
    url: shownUrl(c.url),
    charset_name: c.charset,
    async: toBit(c.isAsync),
    dialect_input: {
      fields_terminated_by: c.dialect.fieldsTerminatedBy,
      fields_enclosed_by: c.dialect.fieldsEnclosedBy,
      fields_escaped_by: c.dialect.fieldsEscapedBy,
      lines_terminated_by: c.dialect.linesTerminatedBy,
    },
    http_method: c.http.method,
    http_data: c.http.data === '' ? '' : MASK,
    http_headers: c.http.headers.map(maskedHeader),
    max_retries: c.maxRetries,
    num_failed_retries: c.numFailedRetries,
    failed_retries: c.failedRetries.map((retry) => ({
      num_bytes: retry.bytes,
      num_rows: retry.rows,
      start_time: retry.startTime,
      read_time: retry.readTime,
      tmp_file: retry.tmpFile,
      http_error: retry.httpError,
      system_error: retry.systemError,
      error: retry.error,
    })),
    num_bytes: c.bytes,
    num_rows: c.rows,
    create_time: c.createTime,
    start_time: c.startTime,
    read_time: c.readTime,
    load_time: c.loadTime,
    status: c.status,
    tmp_file: c.tmpFile,
    http_error: c.httpError,
    system_error: c.systemError,
    error: c.error,
    retry_allowed: toBit(c.retryAllowed),
    max_num_warnings: c.maxNumWarnings,
    num_warnings: c.numWarnings,
    num_rows_loaded: c.rowsLoaded,
    warnings: c.warnings,
  };
}

/** What a reply tells of a contribution; what is masked in it stays so. */
export function fromWireContribution(c: ContributionDescriptor): Contribution {
  return {
    id: c.id,
    transactionId: c.transaction_id,
    worker: c.worker,
    database: c.database,
    table: c.table,
    chunk: c.chunk,
    overlap: c.overlap === 1,
    url: c.url,
    http: { method: c.http_method, data: c.http_data, headers: c.http_headers },
    charset: c.charset_name,
    dialect: {
      fieldsTerminatedBy: c.dialect_input.fields_terminated_by,
      fieldsEnclosedBy: c.dialect_input.fields_enclosed_by,
      fieldsEscapedBy: c.dialect_input.fields_escaped_by,
      linesTerminatedBy: c.dialect_input.lines_terminated_by,
    },
    isAsync: c.async === 1,
    maxRetries: c.max_retries,
    numFailedRetries: c.num_failed_retries,
    failedRetries: c.failed_retries.map((retry) => ({
      bytes: retry.num_bytes,
      rows: retry.num_rows,
      startTime: retry.start_time,
      readTime: retry.read_time,
      tmpFile: retry.tmp_file,
      httpError: retry.http_error,
      systemError: retry.system_error,
      error: retry.error,
    })),
    bytes: c.num_bytes,
    rows: c.num_rows,
    createTime: c.create_time,
    startTime: c.start_time,
    readTime: c.read_time,
    loadTime: c.load_time,
    status: c.status,
    tmpFile: c.tmp_file,
    httpError: c.http_error,
    systemError: c.system_error,
    error: c.error,
    retryAllowed: c.retry_allowed === 1,
    maxNumWarnings: c.max_num_warnings,
    numWarnings: c.num_warnings,
    warnings: c.warnings,
    rowsLoaded: c.num_rows_loaded,
  };
}
