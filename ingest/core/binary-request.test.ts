import { parseBinaryRequest } from './binary-request';
import { DEFAULT_DIALECT } from './dialect';

const url = 'file://h1/d/chunk_7480.txt';
const CSV = { ...DEFAULT_DIALECT, fieldsTerminatedBy: ',' } as const;

test.each([url, 'file:///d', 'file://h1/d/a b?c#d'])('%s is taken', (given) => {
  expect(parseBinaryRequest(given, CSV)).toEqual(CSV);
});

test.each([
  ['', 'Url::_translate: url is empty.'],
  ['x', "Url::_translate: invalid url 'x'"],
  ['file://h1', "Url::_translate: invalid url 'file://h1'"],
  ['file://h1/', "Url::_translate: invalid url 'file://h1/'"],
  ['file:///', "Url::_translate: invalid url 'file:///'"],
  ['ftp://h1/a?sig=hidden', "Url::_translate: invalid url 'ftp://h1/a?…'"],
  ['http://h1/a?sig=hidden', "INGEST-SVC-CONN  _handshakeReceived unsupported url 'http://h1/a?…'"],
  ['https://h1', "INGEST-SVC-CONN  _handshakeReceived unsupported url 'https://h1'"],
  ['data-json://h1/', "INGEST-SVC-CONN  _handshakeReceived unsupported url 'data-json://h1/'"],
  ['data-csv://h1/a.csv', "INGEST-SVC-CONN  _handshakeReceived unsupported url 'data-csv://h1/a.csv'"],
])("the url '%s' is refused", (given, message) => {
  const refused = () => parseBinaryRequest(given, CSV);
  expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message, details: { field: 'url' } }));
});

test.each([
  ['fieldsTerminatedBy', '', "Csv::Parser: a value of the parameter 'fieldsTerminatedBy' is empty."],
  ['fieldsEnclosedBy', '', "Csv::Parser: a value of the parameter 'fieldsEnclosedBy' is empty."],
  ['fieldsEscapedBy', '', "Csv::Parser: a value of the parameter 'fieldsEscapedBy' is empty."],
  ['linesTerminatedBy', '', "Csv::Parser: a value of the parameter 'linesTerminatedBy' is empty."],
  [
    'fieldsTerminatedBy',
    ';',
    "Csv::Parser: the value ';' of the parameter 'fieldsTerminatedBy' is not allowed for the given parameter.",
  ],
])("the dialect with %s '%s' is refused", (field, value, message) => {
  const refused = () => parseBinaryRequest(url, { ...CSV, [field]: value });
  expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message }));
});
