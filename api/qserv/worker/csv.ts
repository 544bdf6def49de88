import { z } from 'zod';
import type { ValueRequest } from '../../../ingest/worker/contributions';
import { endpoint } from '../endpoint';
import { charsetName, dialectFields, oneContribution, type targetFields, toDialectInput, WARNINGS } from './target';

/** A number as text of a form, docs/contract/worker.md §3; as lsst/qserv src/http/RequestBodyJSON.cc reads it. */
const formUint = (name: keyof typeof targetFields | 'max_num_warnings') =>
  z.unknown().transform((text, ctx): number => {
    const value = typeof text === 'string' && /^\s*\+?\d+/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
    if (value <= 0xffff_ffff) return value;
    const what =
      text === undefined
        ? `required parameter ${name} is missing in the request body`
        : `a value of the required parameter ${name} is not an unsigned integer`;
    ctx.issues.push({ code: 'custom', message: `[P] RequestBodyJSON::requiredUInt ${what}`, input: text });
    return z.NEVER;
  });

/** Text fields of the form, which come before the file; in the order in which they are checked. */
export const csvFields = z.object({
  transaction_id: formUint('transaction_id').describe('Super-transaction; it must be STARTED.'),
  table: z.string().describe('Base name of the table.'),
  chunk: formUint('chunk').describe('Chunk; for regular tables any value.'),
  overlap: formUint('overlap').describe('Not 0: rows of the overlap table. Without meaning for regular tables.'),
  charset_name: charsetName,
  ...dialectFields,
  max_num_warnings: formUint('max_num_warnings').default(0).describe(WARNINGS),
});
export type CsvFields = z.output<typeof csvFields>;

export function toCsvRequest(fields: CsvFields, client: string, fileName: string): ValueRequest {
  return {
    transactionId: fields.transaction_id,
    table: fields.table,
    chunk: fields.chunk,
    overlap: fields.overlap !== 0,
    charset: fields.charset_name,
    dialect: toDialectInput(fields),
    maxNumWarnings: fields.max_num_warnings,
    channel: 'csv',
    url: `data-csv://${client}/${fileName}`,
  };
}

export const loadCsv = endpoint({
  service: 'worker',
  method: 'POST',
  path: '/ingest/csv',
  component: 'INGEST-FILE-HTTP-SVC',
  floor: 38,
  tag: 'contributions by value',
  summary: 'Loads a CSV file that the request carries',
  description:
    'Text fields, keys and `version` among them, come first, then exactly one file: a part with a file name. Its own name and type ' +
    'are free. Fields after it are ignored.',
  body: csvFields.extend({ file: z.unknown().describe('The file.') }),
  streamed: 'multipart/form-data',
  reply: oneContribution,
});
