import { loadCharset } from './charsets';
import { DEFAULT_DIALECT, parseDialect } from './dialect';

const nothing = { fieldsTerminatedBy: '', fieldsEnclosedBy: '', fieldsEscapedBy: '', linesTerminatedBy: '' };

test('nothing given is the default; raw tab and newline stand for their names', () => {
  expect(parseDialect(nothing)).toEqual(DEFAULT_DIALECT);
  expect(parseDialect({})).toEqual(DEFAULT_DIALECT);
  expect(parseDialect({ ...nothing, fieldsTerminatedBy: '\t', linesTerminatedBy: '\n' })).toEqual(DEFAULT_DIALECT);
  expect(parseDialect({ ...nothing, fieldsTerminatedBy: ',', fieldsEnclosedBy: '"' })).toEqual({
    ...DEFAULT_DIALECT,
    fieldsTerminatedBy: ',',
    fieldsEnclosedBy: '"',
  });
});

test.each([
  ['fieldsTerminatedBy', ';'],
  ['fieldsTerminatedBy', '\n'],
  ['fieldsTerminatedBy', 'toString'],
  ['fieldsEnclosedBy', ','],
  ['fieldsEnclosedBy', '\0'],
  ['fieldsEscapedBy', '\\'],
  ['linesTerminatedBy', '\\r\\n'],
])('%s = %j is refused in the words of Qserv', (field, value) => {
  expect(() => parseDialect({ ...nothing, [field]: value })).toThrow(
    expect.objectContaining({
      code: 'INVALID_INPUT',
      message: `Csv::Parser: the value '${value}' of the parameter '${field}' is not allowed for the given parameter.`,
      details: expect.objectContaining({ field }),
    }),
  );
});

test('character sets are those of the list', () => {
  expect([loadCharset(''), loadCharset('UTF8mb4')]).toEqual(['', 'utf8mb4']);
  for (const name of ['utf16', 'nonsense', "latin1' FIELDS", 'latin1 ', '`'])
    expect(() => loadCharset(name)).toThrow(expect.objectContaining({ details: { field: 'charset' } }));
});
