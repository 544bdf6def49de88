import { absoluteUrl } from './urls';

/** What a refused URL says of itself. */
function refusal(text: string, base?: string): string {
  try {
    return `accepted ${absoluteUrl(text, base)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([
  ['https://me:s3cret@host:99999/x', undefined],
  ['http://me:s3cret@ho st/x?sig=s3cret', undefined],
  ['https://me:s3/cret@host:99999/x', undefined],
  ['me@host/a.csv?sig=s3cret', undefined],
  ['http:me:s3cret@/x', 'file:///data'],
  ['https://me:s3cret@host/x', undefined],
  ['//me:s3cret@host:99999/x', 'https://example.org/'],
])('%s is refused without repeating its secrets', (text, base) => {
  const message = refusal(text, base);
  expect(message).not.toMatch(/^accepted/);
  expect(message).not.toMatch(/s3|cret/);
});

test('what is no URL is named', () => {
  expect(refusal('https://host:99999/a.csv')).toBe("'https://host:99999/a.csv' is not a URL");
  expect(refusal('data/a.csv')).toMatch(/^'data\/a.csv' is relative/);
});
