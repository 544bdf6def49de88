import { unsupportedUrl } from './contribution-texts';
import type { DialectInput } from './contributions';
import { type Dialect, parseDialect } from './dialect';
import { IngestError } from './errors';
import { maskedText } from './shown-url';

/** URLs that Qserv knows besides those of files, lsst/qserv src/http/Url.cc. */
const OTHER_URL = /^(https?:\/\/[^/:?#]|data-json:\/\/[^/]+\/$|data-csv:\/\/(\/|[^/]+\/)[\s\S])/;

/**
 * What a handshake of the binary protocol says of the file that follows: its URL must be one of a file, and no part of its dialect may
 * be '' (docs/contract/binary-protocol.md §2). Errors: INVALID_INPUT with Qserv's text; `details.field` is the parameter.
 */
export function parseBinaryRequest(url: string, dialect: DialectInput): Dialect {
  if (url === '') throw refusal('Url::_translate: url is empty.');
  if (!/^file:\/\/[^/]*\/[\s\S]/.test(url)) {
    throw refusal(
      OTHER_URL.test(url) ? unsupportedUrl(maskedText(url)) : `Url::_translate: invalid url '${maskedText(url)}'`,
    );
  }
  return parseDialect(dialect, 'refused');
}

function refusal(message: string): IngestError {
  return new IngestError('INVALID_INPUT', message, { field: 'url' });
}
