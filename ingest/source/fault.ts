import { constants } from 'node:os';
import { type ErrorCode, IngestError } from '../core/errors';
import { CURL_TEXTS, type CurlCode, curlCode, curlError, type TransferStage } from './curl';
import { sourceError } from './errors';

/** A failure below HTTP; what it knows of the source, its message must not say: that is added by `brokenHttp`. */
export class TransferFault extends Error {
  constructor(
    message: string,
    readonly details: { curl?: CurlCode; cause?: string; [more: string]: unknown },
    readonly errorCode: ErrorCode = 'SOURCE_BROKEN',
  ) {
    super(message);
  }
}

/** An error of a socket or of DNS, as a fault of that stage on the way to that host. */
export function faultOf(error: unknown, stage: TransferStage, host: string): TransferFault {
  if (error instanceof TransferFault) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const what = `${WHAT[stage] ?? 'no connection to'} ${host} (${code || message})`;
  return new TransferFault(what, { curl: curlCode(code, stage), cause: code });
}

const WHAT: Partial<Record<TransferStage, string>> = {
  resolve: 'no address for',
  resolveProxy: 'no address for the proxy',
  tls: 'no secure connection to',
};

/** errno of the system's name for it, 0 for others. */
function errnoOf(cause: string): number {
  return (constants.errno as Record<string, number | undefined>)[cause] ?? 0;
}

/** Errors of undici that mean that the request itself cannot be sent. */
const UNSENDABLE = /^UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/;

/** An error of a transfer as an error of its source, with `details.curl` as libcurl has it. */
export function brokenHttp(url: string, error: unknown, stage: 'reply' | 'body'): IngestError {
  if (error instanceof IngestError) return error;
  const fault = nested(error);
  if (fault !== undefined) {
    const { curl, cause = '', ...more } = fault.details;
    const said = curl === undefined ? {} : { curl: curlError(curl) };
    return sourceError(fault.errorCode, url, fault.message, { cause, systemError: errnoOf(cause), ...said, ...more });
  }
  const { code, name, message } = error as NodeJS.ErrnoException;
  const cause = code ?? (name === 'HTTPParserError' ? 'HPE' : '');
  if (UNSENDABLE.test(cause)) return sourceError('INVALID_INPUT', url, `the request cannot be sent: ${message}`);
  if (cause === 'UND_ERR_HEADERS_OVERFLOW') {
    const said = "the headers of the reply are longer than this host's limit (sources.limits.headerBytes)";
    return sourceError('SOURCE_DENIED', url, said, { cause, curl: curlError(56) });
  }
  const curl = curlError(curlCode(cause, stage));
  return sourceError('SOURCE_BROKEN', url, `the connection broke (${cause || message})`, {
    cause,
    systemError: errnoOf(cause),
    curl,
  });
}

/** undici hands on what a connector failed with, now and then as the cause of an error of its own. */
function nested(error: unknown): TransferFault | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++)
    if (at instanceof TransferFault) return at;
  return undefined;
}

/** How Qserv's workers tell that an input could not be read: the text, and the numbers beside it in `error_ext` and in the record. */
export interface ReadFailure {
  error: string;
  /** HTTP status ≥ 400, else 0. */
  httpError: number;
  /** errno, 0 = none. */
  systemError: number;
}

/**
 * A failure to read a source in Qserv's words (docs/contract/worker.md §1; lsst/qserv src/http/Client.cc,
 * src/replica/ingest/IngestRequest.cc); what those do not know is told in ours.
 */
export function readFailure(error: unknown): ReadFailure {
  const { message, details = {} } = error as IngestError;
  const httpError = Number(details.httpError ?? 0);
  const systemError = Number(details.systemError ?? 0);
  const curl = details.curl as { code: CurlCode } | undefined;
  if (curl !== undefined) {
    const said = CURL_TEXTS[curl.code] + (curl.code === 22 ? ' (on HTTP error codes 400 or greater)' : '');
    return { error: ` error: '${said}', errnum: ${curl.code}`, httpError, systemError };
  }
  const path = /^file:\/\/[^/]*(\/.*)$/is.exec(String(details.url ?? ''))?.[1];
  if (path === undefined || systemError === 0) return { error: message, httpError, systemError };
  const { said = message } = details;
  return {
    error: `failed to open the file '${path}', error: '${said}', errno: ${systemError}`,
    httpError,
    systemError,
  };
}
