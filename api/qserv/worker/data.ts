import { z } from 'zod';
import type { DialectInput } from '../../../ingest/core/contributions';
import type { ValueRequest } from '../../../ingest/worker/contributions';
import { endpoint } from '../endpoint';
import { uint } from '../fields';
import { charsetName, oneContribution, targetFields, WARNINGS } from './target';

/** How values of binary columns are spelled in JSON. */
export const BINARY_ENCODINGS = ['hex', 'b64', 'array'] as const;
export type BinaryEncoding = (typeof BINARY_ENCODINGS)[number];

/** What a body says beside its rows, docs/contract/worker.md §2; in the order in which it is checked. */
export const dataFields = z.object({
  ...targetFields,
  charset_name: charsetName,
  max_num_warnings: uint.default(0).describe(WARNINGS),
  binary_encoding: z
    .string()
    .default('hex')
    .transform((mode, ctx): BinaryEncoding => {
      const known = BINARY_ENCODINGS.find((encoding) => encoding === mode);
      if (known !== undefined) return known;
      const message = `[P] http::parseBinaryEncoding unsupported mode '${mode}'`;
      ctx.issues.push({ code: 'custom', message, input: mode });
      return z.NEVER;
    })
    .describe('Spelling of values of binary columns: `hex`, `b64` (Base64) or `array` (of numbers up to 255).'),
});
export type DataFields = z.output<typeof dataFields>;

/** The dialect that rows are turned into. */
const DIALECT: DialectInput = {
  fieldsTerminatedBy: '',
  fieldsEnclosedBy: '"',
  fieldsEscapedBy: '',
  linesTerminatedBy: '',
};

export function toDataRequest(fields: DataFields, client: string): ValueRequest {
  return {
    transactionId: fields.transaction_id,
    table: fields.table,
    chunk: fields.chunk,
    overlap: fields.overlap,
    charset: fields.charset_name,
    dialect: DIALECT,
    maxNumWarnings: fields.max_num_warnings,
    channel: 'json',
    url: `data-json://${client}/`,
  };
}

export const loadRows = endpoint({
  service: 'worker',
  method: 'POST',
  path: '/ingest/data',
  component: 'INGEST-DATA-HTTP-SVC',
  floor: 35,
  tag: 'contributions by value',
  summary: 'Loads rows that the request carries as JSON',
  description:
    'A value of a binary column (BIT, BINARY, BLOB in its type) is spelled as `binary_encoding` says; any other value is a ' +
    'boolean, a number, which is kept as it is spelled, or a string. The string `\\N` is NULL. In strings a backslash before a ' +
    'backslash, a double quote or a newline is dropped; any other one is itself.',
  body: dataFields.extend({
    rows: z.array(z.array(z.unknown())).min(1).describe("Each as long as the table's schema, in its order."),
  }),
  streamed: 'application/json',
  reply: oneContribution,
});
