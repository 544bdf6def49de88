import { plainSource } from '../../../test/support/load-catalog';
import type { RemoteWorkerContext } from './context';
import { sentSources } from './sources';

const context = { roots: { survey: '/data/dr1' } } as unknown as RemoteWorkerContext;
const unit = { transactionId: 1, database: 'd', table: 'T', chunk: 0, overlap: false };
const sent = (url: string) =>
  sentSources(context, { unit, sources: [plainSource(url)], quality: 'strict', maxNumWarnings: 0 })[0]?.request.url;

test.each([
  ['root://survey/a/chunk_1.csv', 'file:///data/dr1/a/chunk_1.csv'],
  ['root://survey/a%20b%23c%3Fd%25.csv', 'file:///data/dr1/a b#c?d%.csv'],
  ['file:///data/a%20b%23c.csv', 'file:///data/a b#c.csv'],
  ['file:///data/100%.csv', 'file:///data/100%.csv'],
  ['file://host/data/a?b.csv', 'file:///data/a?b.csv'],
  ['http://host/a%20b.csv?c=%23', 'http://host/a%20b.csv?c=%23'],
])('%s is what Qserv takes for it', (url, expected) => expect(sent(url)).toBe(expected));

test.each([
  ['root://other/a.csv', 'SOURCE_DENIED'],
  ['root://survey/%2e%2e/a.csv', 'SOURCE_DENIED'],
  ['file:///data/a%0Ab.csv', 'INVALID_INPUT'],
])('%s is refused', (url, code) => expect(() => sent(url)).toThrow(expect.objectContaining({ code })));
