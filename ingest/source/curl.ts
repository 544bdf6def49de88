/** libcurl's words for what goes wrong with a transfer: Qserv's workers report them, https://curl.se/libcurl/c/libcurl-errors.html. */
export const CURL_TEXTS = {
  5: "Couldn't resolve proxy name",
  6: "Couldn't resolve host name",
  7: "Couldn't connect to server",
  8: 'Weird server reply',
  18: 'Transferred a partial file',
  22: 'HTTP response code said error',
  28: 'Timeout was reached',
  35: 'SSL connect error',
  47: 'Number of redirects hit maximum amount',
  52: 'Server returned nothing (no headers, no data)',
  55: 'Failed sending data to the peer',
  56: 'Failure when receiving data from the peer',
  60: 'SSL peer certificate or SSH remote key was not OK',
  77: 'Problem with the SSL CA cert (path? access rights?)',
} as const;

export type CurlCode = keyof typeof CURL_TEXTS;

/** As `details.curl` has it. */
export interface CurlError {
  code: CurlCode;
  text: string;
}

export function curlError(code: CurlCode): CurlError {
  return { code, text: CURL_TEXTS[code] };
}

/** A certificate that does not hold, in Node's codes. */
const UNTRUSTED =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/;
const UNREACHABLE = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/;

/** Where in a transfer something broke. */
export type TransferStage = 'resolve' | 'resolveProxy' | 'connect' | 'tls' | 'reply' | 'body';

/** libcurl's code for an error of Node or undici. */
export function curlCode(cause: string, stage: TransferStage): CurlCode {
  if (UNTRUSTED.test(cause)) return 60;
  if (/^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/.test(cause)) return 28;
  if (stage === 'resolve') return 6;
  if (stage === 'resolveProxy') return 5;
  if (cause === 'ETIMEDOUT') return stage === 'body' || stage === 'reply' ? 56 : 28;
  if (stage === 'connect' || UNREACHABLE.test(cause)) return 7;
  if (stage === 'tls' || /^(ERR_SSL|ERR_TLS|EPROTO)/.test(cause)) return 35;
  if (cause.startsWith('HPE')) return 8;
  if (cause === 'EPIPE') return 55;
  if (cause === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 18;
  if (cause === 'UND_ERR_SOCKET') return stage === 'reply' ? 52 : 18;
  return 56;
}
