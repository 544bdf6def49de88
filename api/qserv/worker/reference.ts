import { z } from 'zod';
import type { ReferenceRequest } from '../../../ingest/worker/contributions';
import { endpoint } from '../endpoint';
import { toBit, uint } from '../fields';
import {
  charsetName,
  dialectFields,
  fromDialectInput,
  oneContribution,
  targetFields,
  toDialectInput,
  WARNINGS,
} from './target';

/** Methods that a real server knows; reading with MIMEPOST fails. lsst/qserv src/http/Method.cc. */
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE', 'MIMEPOST']);

/** Body of a contribution that the worker reads by itself, docs/contract/worker.md §1; in the order in which it is checked. */
export const referenceBody = z.object({
  ...targetFields,
  url: z.string().describe('file://[host]/path, http:// or https://.'),
  charset_name: charsetName,
  ...dialectFields,
  http_method: z
    .string()
    .default('GET')
    .check((ctx) => {
      if (METHODS.has(ctx.value)) return;
      const message = `[P] http::string2method invalid method ${ctx.value}`;
      ctx.issues.push({ code: 'custom', message, input: ctx.value });
    })
    .describe('GET, POST, PUT or DELETE.'),
  http_data: z.string().default('').describe('Body of the request to the source.'),
  http_headers: z.array(z.string()).default([]).describe('Headers of the request to the source, each `Name: value`.'),
  max_num_warnings: uint.default(0).describe(WARNINGS),
  max_retries: uint
    .optional()
    .describe("Reads after one that failed. Default: the worker's, 1; at most the worker's, 10."),
  num_retries: uint.optional().describe('Older name of `max_retries`, which prevails.'),
});
export type ReferenceBody = z.output<typeof referenceBody>;

export function toReferenceRequest(body: ReferenceBody, isAsync: boolean): ReferenceRequest {
  return {
    transactionId: body.transaction_id,
    table: body.table,
    chunk: body.chunk,
    overlap: body.overlap,
    charset: body.charset_name,
    dialect: toDialectInput(body),
    maxNumWarnings: body.max_num_warnings,
    url: body.url,
    http: { method: body.http_method, data: body.http_data, headers: body.http_headers },
    maxRetries: body.max_retries ?? body.num_retries,
    isAsync,
  };
}

export function fromReferenceRequest(request: ReferenceRequest): z.input<typeof referenceBody> {
  const { maxRetries } = request;
  return {
    transaction_id: request.transactionId,
    table: request.table,
    chunk: request.chunk,
    overlap: toBit(request.overlap),
    url: request.url,
    charset_name: request.charset,
    ...fromDialectInput(request.dialect),
    http_method: request.http.method,
    http_data: request.http.data,
    http_headers: request.http.headers,
    max_num_warnings: request.maxNumWarnings,
    ...(maxRetries === undefined ? {} : { max_retries: maxRetries, num_retries: maxRetries }),
  };
}

const common = {
  service: 'worker',
  method: 'POST',
  component: 'INGEST-HTTP-SVC',
  floor: 16,
  tag: 'contributions by reference',
  body: referenceBody,
  reply: oneContribution,
} as const;

export const loadFile = endpoint({
  ...common,
  path: '/ingest/file',
  summary: 'Loads a file that the worker reads; answers when it is loaded',
  description:
    'A failure is told by the envelope alone. When reading failed, `error_ext` is `{http_error, system_error, retry_allowed}`; ' +
    'the contribution is found by the controller, `GET /ingest/trans/:id?contrib=1&contrib_long=1`.',
});
export const queueFile = endpoint({
  ...common,
  path: '/ingest/file-async',
  summary: 'Queues a file that the worker is to read and load',
  description: 'Answers at once, with `status` IN_PROGRESS. What becomes of it: `GET /ingest/file-async/:id`.',
});
