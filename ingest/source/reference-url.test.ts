import { checkReferenceUrl } from './index';

const said = (url: string): string | undefined => {
  try {
    checkReferenceUrl(url);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'url' } });
    return (error as Error).message;
  }
};

test.each([
  'file:///data/a.csv',
  'file://host/data/a.csv',
  'file:///data/a b?c#d.csv',
  'file://some_host:x y/100%.csv',
  'http://host',
  'http://host:8080/a?b=c',
  'https://[::1]:443/a',
])('%s is taken', (url) => expect(said(url)).toBeUndefined());

test.each([
  ['', 'Url::_translate: url is empty.'],
  ['x', "Url::_translate: invalid url 'x'"],
  ['file://', "Url::_translate: invalid url 'file://'"],
  ['file:///', "Url::_translate: invalid url 'file:///'"],
  ['file://host/', "Url::_translate: invalid url 'file://host/'"],
  ['file://host', "Url::_translate: invalid url 'file://host'"],
  ['file:/data/a.csv', "Url::_translate: invalid url 'file:/data/a.csv'"],
  ['FILE:///data/a.csv', "Url::_translate: invalid url 'FILE:///data/a.csv'"],
  ['http://', "Url::_translate: invalid url 'http://'"],
  ['http:///a', "Url::_translate: invalid url 'http:///a'"],
  ['http://:80/a', "Url::_translate: invalid url 'http://:80/a'"],
  ['http://host:port/a?sig=hidden', "Url::_translate: invalid url 'http://host:port/a?…'"],
  ['ftp://host/a?sig=hidden', "Url::_translate: invalid url 'ftp://host/a?…'"],
  ['root://survey/a.csv', "Url::_translate: invalid url 'root://survey/a.csv'"],
  ['data-json://127.0.0.1/', "INGEST-REQUEST  IngestRequest unsupported url 'data-json://127.0.0.1/'"],
  ['data-csv://127.0.0.1/a.csv', "INGEST-REQUEST  IngestRequest unsupported url 'data-csv://127.0.0.1/a.csv'"],
  ['data-csv:///a.csv', "INGEST-REQUEST  IngestRequest unsupported url 'data-csv:///a.csv'"],
  ['data-csv://127.0.0.1/', "Url::_translate: invalid url 'data-csv://127.0.0.1/'"],
  ['data-json://', "Url::_translate: invalid url 'data-json://'"],
  ['http://user:hidden@host/a', "'http://…@host/a' holds credentials: put them into http_headers"],
])('%s is refused', (url, message) => expect(said(url)).toBe(message));
