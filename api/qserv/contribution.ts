import { z } from 'zod';
import { CONTRIBUTION_STATUSES, type Contribution } from '../../ingest/core/contributions';
import { shownUrl } from '../../ingest/core/shown-url';
import { bit, time, toBit } from './fields';

const count = z.number().int().nonnegative();

/** A contribution on the wire, docs/contract/worker.md §8. */
export const contributionDescriptor = z
  .object({
    id: count,
    transaction_id: count,
    worker: z.string(),
    database: z.string(),
    table: z.string().describe('Base name.'),
    chunk: count.describe('As submitted; for regular tables any value.'),
    overlap: bit,
    url: z.string().describe('Without credentials and query.'),
    charset_name: z.string(),
    async: bit,
    dialect_input: z
      .object({
        fields_terminated_by: z.string(),
        fields_enclosed_by: z.string(),
        fields_escaped_by: z.string(),
        lines_terminated_by: z.string(),
      })
      .describe('Escape names.'),
    http_method: z.string(),
    http_data: z.string().describe('Masked.'),
    http_headers: z.array(z.string()).describe('Names; the values are masked.'),
    max_retries: count,
    num_failed_retries: count,
    failed_retries: z
      .array(
        z.object({
          num_bytes: count,
          num_rows: count,
          start_time: time,
          read_time: time,
          tmp_file: z.string(),
          http_error: z.number().int(),
          system_error: z.number().int(),
          error: z.string(),
        }),
      )
      .describe('Oldest first.'),
    num_bytes: count.describe('Of the input.'),
    num_rows: count.describe('Of the input.'),
    create_time: time,
    start_time: time,
    read_time: time,
    load_time: time,
    status: z.enum(CONTRIBUTION_STATUSES),
    tmp_file: z.string(),
    http_error: z.number().int(),
    system_error: z.number().int().describe('errno.'),
    error: z.string().describe('Of the last attempt.'),
    retry_allowed: bit,
    max_num_warnings: count,
    num_warnings: count.describe("MySQL's own count; may be larger than the number of warnings."),
    num_rows_loaded: count,
    warnings: z.array(z.object({ level: z.string(), code: z.number().int(), message: z.string() })),
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
