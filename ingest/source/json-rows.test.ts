import fc from 'fast-check';
import type { BinaryEncoding } from '../../api/qserv/worker/data';
import { newSeed } from '../../test/support/hostile';
import { IngestError } from '../core/errors';
import { isBinaryColumn, JsonRowsConverter } from './json-rows';
import { MAX_ROW_BYTES } from './rows';

function convert(
  rows: string,
  types: string[],
  encoding: BinaryEncoding = 'hex',
  sizes: number[] = [],
  charset = '',
): Buffer {
  const converter = new JsonRowsConverter({ columns: types.map((type) => ({ type })), encoding, charset });
  const bytes = Buffer.from(rows);
  const csv: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    csv.push(...converter.write(bytes.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...csv, ...converter.write(bytes.subarray(at)), ...converter.end()]);
}

/** One value in a column of a text type. */
const field = (json: string) => convert(`[[${json}]]`, ['TEXT']).toString();
const ofBinary = (json: string, encoding: BinaryEncoding) => convert(`[[${json}]]`, ['BLOB'], encoding);
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ code: 'BAD_ROWS', details: { stage: 'start' } });
    return (error as IngestError).message;
  }
  throw new Error('was not refused');
}

test('which columns are binary', () => {
  const types = ['BIT(4)', 'binary(2)', 'VARBINARY(9) NOT NULL', 'longblob', 'INT', 'VARCHAR(8)', 'TEXT'];
  expect(types.map(isBinaryColumn)).toEqual([true, true, true, true, false, false, false]);
});

test.each([
  // Numbers stay as they are spelled.
  ['1e-9', '1e-9'],
  ['9007199254740993', '9007199254740993'],
  ['0.1', '0.1'],
  ['-0.0', '-0.0'],
  ['18446744073709551616', '18446744073709551616'],
  ['1E+400', '1E+400'],
  ['true', '1'],
  ['false', '0'],
  // Strings as they are.
  ['""', ''],
  ['"a"', 'a'],
  ['"é€😀"', 'é€😀'],
  ['"\\u00e9\\ud83d\\ude00"', 'é😀'],
  ['"\\t"', '\t'],
  ['"\\r\\b\\f"', '\r\b\f'],
  ['"\\/"', '/'],
  ['"NULL"', 'NULL'],
  ['"N"', 'N'],
  ['"a\\u0000b"', 'a\\0b'],
  // What the client did not escape.
  ['"a\\"b"', 'a\\"b'],
  ['"\\""', '\\"'],
  ['"a\\nb"', 'a\\nb'],
  ['"a\\\\b"', 'a\\\\b'],
  ['"C:\\\\temp"', 'C:\\\\temp'],
  ['"a\\\\"', 'a\\\\'],
  ['"\\\\"', '\\\\'],
  ['"\\\\t"', '\\\\t'],
  // What it did.
  ['"a\\\\\\"b"', 'a\\"b'],
  ['"a\\\\\\nb"', 'a\\nb'],
  ['"a\\\\\\\\b"', 'a\\\\b'],
  ['"\\\\\\\\\\\\\\\\"', '\\\\\\\\'],
  ['"\\\\\\\\\\\\"', '\\\\\\\\'],
  // NULL, and what only looks like it.
  ['"\\\\N"', '\\N'],
  ['"\\u005cN"', '\\N'],
  ['"\\\\\\u004e"', '\\N'],
  ['"\\\\\\\\N"', '\\\\N'],
  ['"\\\\NN"', '\\\\NN'],
  ['"\\\\N "', '\\\\N '],
  ['"a\\\\N"', 'a\\\\N'],
  ['"\\\\N\\\\N"', '\\\\N\\\\N'],
  ['"\\\\N\\""', '\\\\N\\"'],
  ['"\\\\n"', '\\\\n'],
  ['"\\\\\\\\"', '\\\\'],
])('%s becomes %s', (json, csv) => {
  expect(field(json)).toBe(`"${csv}"\n`);
});

test.each<[BinaryEncoding, string, string]>([
  ['hex', '"00fF10"', '00ff10'],
  ['hex', '""', ''],
  ['hex', '"5c220a"', '5c220a'],
  ['hex', '"5c4e"', '5c4e'],
  ['hex', '"\\u00300"', '00'],
  ['b64', '"AAAA"', '000000'],
  ['b64', '"AA=="', '00'],
  ['b64', '"AAA="', '0000'],
  ['b64', '"AA"', '00'],
  ['b64', '"AAA"', '0000'],
  ['b64', '""', ''],
  ['b64', '"+\\/+/"', 'fbffbf'],
  ['b64', '"/+8AAA=="', 'ffef0000'],
  ['array', '[0,255,92,34,10]', '00ff5c220a'],
  ['array', '[]', ''],
  ['array', '[true, false, 1.0, 1e1]', '0100010a'],
])('%s %s is %s', (encoding, json, hex) => {
  const bytes = Buffer.from(hex, 'hex').toString('latin1');
  const escaped = bytes.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\0', '\\0');
  expect(ofBinary(json, encoding).toString('latin1')).toBe(`"${escaped}"\n`);
});

test.each<BinaryEncoding>(['hex', 'b64', 'array'])('NULL in a binary column, %s', (encoding) => {
  expect(ofBinary('"\\\\N"', encoding).toString()).toBe('"\\N"\n');
});

test('rows and columns', () => {
  const rows = '[ [1, "a"],\n ["x",false] ,["\\\\N", 2.50]]';
  expect(convert(rows, ['INT', 'TEXT']).toString()).toBe('"1"\t"a"\n"x"\t"0"\n"\\N"\t"2.50"\n');
});

const EXPECTED = 'where the boolean, numeric or string type was expected';
const HEX = "failed to decode a value of the 'hex' binary encoded column at row 0 and column 1, ex: ";
test.each<[string, BinaryEncoding, string]>([
  ['[1]', 'hex', 'a row found in the request is not the JSON array'],
  ['[[1,""],{"a":[1]}]', 'hex', 'a row found in the request is not the JSON array'],
  ['[null]', 'hex', 'a row found in the request is not the JSON array'],
  ['[[1]]', 'hex', "the row size in the request doesn't match the table schema"],
  ['[[]]', 'hex', "the row size in the request doesn't match the table schema"],
  ['[[1,"",3]]', 'hex', "the row size in the request doesn't match the table schema"],
  // A wrong length goes before a wrong value.
  ['[[null]]', 'hex', "the row size in the request doesn't match the table schema"],
  ['[[1,"zz",[null]]]', 'hex', "the row size in the request doesn't match the table schema"],
  ['[[null,""]]', 'hex', `unsupported type name 'null' found at row 0 and column 0 ${EXPECTED}`],
  ['[[1,""],[1,""],[[2],""]]', 'hex', `unsupported type name 'array' found at row 2 and column 0 ${EXPECTED}`],
  ['[[{"a":{"b":[]}},""]]', 'hex', `unsupported type name 'object' found at row 0 and column 0 ${EXPECTED}`],
  ['[[1,2]]', 'hex', "unsupported type name 'number' found at row 0 and column 1 where the string type was expected"],
  [
    '[[1,true]]',
    'b64',
    "unsupported type name 'boolean' found at row 0 and column 1 where the string type was expected",
  ],
  ['[[1,null]]', 'hex', "unsupported type name 'null' found at row 0 and column 1 where the string type was expected"],
  ['[[1,[0]]]', 'hex', "unsupported type name 'array' found at row 0 and column 1 where the string type was expected"],
  ['[[1,5]]', 'array', "unsupported type name 'number' found at row 0 and column 1 where the array type was expected"],
  ['[[1,"abc"]]', 'hex', `${HEX}String::fromHex odd number of significant characters in the input`],
  ['[[1,"0x00"]]', 'hex', `${HEX}String::fromHex not a valid hexadecimal character`],
  ['[[1,"\\u20ac0"]]', 'hex', `${HEX}String::fromHex not a valid hexadecimal character`],
  ['[[1,"\\\\n"]]', 'hex', `${HEX}String::fromHex not a valid hexadecimal character`],
  ['[[1,"\\\\N\\\\N"]]', 'hex', `${HEX}String::fromHex not a valid hexadecimal character`],
])('refuses %s', (rows, encoding, text) => {
  expect(refusal(() => convert(rows, ['INT', 'BLOB'], encoding))).toBe(text);
});

test.each([
  ['"A"', 'the text is cut off, or its padding is wrong'],
  ['"AA="', 'the text is cut off, or its padding is wrong'],
  ['"AAAA="', 'the text is cut off, or its padding is wrong'],
  ['"===="', 'the text is cut off, or its padding is wrong'],
  ['"A-_A"', 'attempt to decode a value not in base64 char set'],
  ['"AA==AA"', 'attempt to decode a value not in base64 char set'],
  ['"AA A"', 'attempt to decode a value not in base64 char set'],
])('refuses Base64 %s', (json, why) => {
  expect(refusal(() => ofBinary(json, 'b64'))).toBe(
    `failed to decode a value of the 'b64' binary encoded column at row 0 and column 0, ex: String::fromBase64 failed to decode base64 string: ${why}`,
  );
});

test.each([
  ['[256]', '256 is not a number from 0 to 255'],
  ['[-1]', '-1 is not a number from 0 to 255'],
  ['[1,2.5]', '2.5 is not a number from 0 to 255'],
  ['["1"]', '[json.exception.type_error.302] type must be number, but is string'],
  ['[null]', '[json.exception.type_error.302] type must be number, but is null'],
  ['[[1]]', '[json.exception.type_error.302] type must be number, but is array'],
  ['"ab"', 'a text instead of an array of numbers'],
])('refuses the array %s', (json, why) => {
  expect(refusal(() => ofBinary(json, 'array'))).toBe(
    `failed to decode a value of the 'array' binary encoded column at row 0 and column 0, ex: ${why}`,
  );
});

test('a row may be as long as Qserv reads, and not longer', () => {
  const value = 'x'.repeat(MAX_ROW_BYTES - 3);
  expect(convert(`[["${value}"]]`, ['TEXT'])).toHaveLength(MAX_ROW_BYTES);
  expect(refusal(() => convert(`[["a"],["${value}y"]]`, ['TEXT']))).toBe(
    'the row found at row 1 exceeds the limit of 16777216 bytes',
  );
});

test('character sets in which text could swallow a backslash take ASCII only', () => {
  expect(convert('[["a\\"b"]]', ['TEXT'], 'hex', [], 'gbk').toString()).toBe('"a\\"b"\n');
  for (const text of ['é', '\\u00e9']) {
    expect(refusal(() => convert(`[["a","${text}"]]`, ['TEXT', 'TEXT'], 'hex', [], 'GBK'))).toBe(
      "a value found at row 0 and column 1 is not in ASCII, as it must be for the character set 'GBK'",
    );
  }
});

/** As MySQL's LOAD DATA reads such CSV; null is NULL. */
function read(csv: Buffer): (string | null)[][] {
  const rows: (string | null)[][] = [[]];
  const text = csv.toString('latin1');
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '"') throw new Error(`no quote at ${at}`);
    let value = '';
    for (at += 1; text[at] !== '"'; at += 1) {
      if (text[at] === '\n') throw new Error(`a newline at ${at}`);
      if (text[at] !== '\\') value += text[at];
      else {
        at += 1;
        value += { n: '\n', '0': '\0', N: '\\N' }[text[at] as string] ?? text[at];
      }
    }
    at += 1;
    const isNull = text.slice(at - 4, at) === '"\\N"';
    rows.at(-1)?.push(isNull ? null : Buffer.from(value, 'latin1').toString('latin1'));
    if (text[at] === '\n') rows.push([]);
    else if (text[at] !== '\t') throw new Error(`no terminator at ${at}`);
  }
  if (rows.pop()?.length !== 0) throw new Error('the last row does not end');
  return rows;
}

const seed = newSeed('JSON rows');
/** Seconds on an idle machine; others may have work too. */
const PATIENCE_MS = 120_000;
const nasty = fc.string({
  unit: fc.constantFrom('\\', '"', '\n', '\t', 'N', 'n', '0', '\0', 'é', '😀', ' ', "'", ','),
  maxLength: 12,
});
const binary = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
const encodings = fc.constantFrom<BinaryEncoding>('hex', 'b64', 'array');
const encoded = (bytes: Buffer, encoding: BinaryEncoding) =>
  encoding === 'array' ? [...bytes] : bytes.toString(encoding === 'hex' ? 'hex' : 'base64');
const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 });

test(
  `what a client escapes comes back as it was, in whatever pieces (seed ${seed})`,
  () => {
    const rows = fc.array(
      fc.tuple(fc.option(nasty), fc.option(binary), fc.double({ noNaN: true, noDefaultInfinity: true })),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(rows, encodings, sizes, (values, encoding, pieces) => {
        const json = values.map(([text, bytes, number]) => [
          text === null ? '\\N' : text.replaceAll(/[\\"\n]/g, '\\$&'),
          bytes === null ? '\\N' : encoded(bytes, encoding),
          number,
        ]);
        const csv = convert(JSON.stringify(json), ['TEXT', 'VARBINARY(20)', 'DOUBLE'], encoding, pieces);
        expect(read(csv)).toEqual(
          values.map(([text, bytes, number]) => [
            text === null ? null : Buffer.from(text).toString('latin1'),
            bytes === null ? null : bytes.toString('latin1'),
            JSON.stringify(number),
          ]),
        );
      }),
      { numRuns: 3000, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `what a client does not escape comes back as it was, unless it looks escaped (seed ${seed})`,
  () => {
    fc.assert(
      fc.property(nasty, sizes, (text, pieces) => {
        const csv = convert(JSON.stringify([[text]]), ['TEXT'], 'hex', pieces);
        const expected = text === '\\N' ? null : Buffer.from(text.replaceAll(/\\([\\"\n])/g, '$1')).toString('latin1');
        expect(read(csv)).toEqual([[expected]]);
      }),
      { numRuns: 3000, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `whatever the rows are, they are refused by name or cut into as many fields as there are columns (seed ${seed})`,
  () => {
    const value = fc.oneof(
      nasty,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.integer({ min: -2, max: 300 })),
      fc.jsonValue(),
    );
    const row = fc.oneof({ weight: 9, arbitrary: fc.tuple(value, value) }, { weight: 1, arbitrary: fc.jsonValue() });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 3 }), encodings, sizes, (rows, encoding, pieces) => {
        try {
          const csv = convert(JSON.stringify(rows), ['TEXT', 'BLOB'], encoding, pieces);
          expect(read(csv).map((fields) => fields.length)).toEqual(rows.map(() => 2));
        } catch (error) {
          if (!(error instanceof IngestError)) throw error;
          expect(error).toMatchObject({ code: 'BAD_ROWS', message: expect.stringMatching(/row/) });
        }
      }),
      { numRuns: 4000, seed },
    );
  },
  PATIENCE_MS,
);
