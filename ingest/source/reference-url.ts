import { IngestError } from '../core/errors';
import { maskedText } from './errors';

/**
 * Checks the URL of a contribution by reference as Qserv does, lsst/qserv src/http/Url.cc and src/replica/ingest/IngestRequest.cc:
 * `file://[host]/path`, `http://` or `https://` with a host, schemes in lower case. The message is Qserv's, without query and
 * credentials. Errors: INVALID_INPUT; `details.field` is 'url'.
 */
export function checkReferenceUrl(url: string): void {
  if (url === '') throw refusal('Url::_translate: url is empty.');
  if (/^data-(json:\/\/[^/]+\/|csv:\/\/(\/[\s\S]|[^/]+\/[\s\S])[\s\S]*)$/.test(url)) {
    throw refusal(`INGEST-REQUEST  IngestRequest unsupported url '${maskedText(url)}'`);
  }
  if (/^file:\/\/[^/]*\/[\s\S]/.test(url)) return;
  if (/^https?:\/\/[^/:?#]/.test(url) && URL.canParse(url)) {
    const { username, password } = new URL(url);
    if (username === '' && password === '') return;
    throw refusal(`'${maskedText(url)}' holds credentials: put them into http_headers`);
  }
  throw refusal(`Url::_translate: invalid url '${maskedText(url)}'`);
}

function refusal(message: string): IngestError {
  return new IngestError('INVALID_INPUT', message, { field: 'url' });
}
