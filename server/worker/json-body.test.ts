import fc from 'fast-check';
import { Refusal } from '../../api/qserv/refusal';
import { newSeed } from '../../test/support/hostile';
import { JsonBody } from './json-body';

const WANTED = new Set(['a', 'table', 'é']);

/** What is read of a body that comes in pieces. */
function read(text: string | Buffer, sizes: number[] = []) {
  const bytes = Buffer.from(text);
  const body = new JsonBody(WANTED);
  let taken: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const { rows, restart } = body.write(Buffer.from(bytes.subarray(at, at + size)));
    if (restart) taken = [];
    taken.push(...rows.map((piece) => Buffer.from(piece)));
    at += size;
  }
  body.end();
  return { fields: body.fields, rows: body.rows, taken: Buffer.concat(taken).toString() };
}

test.each([
  ['', {}, 'missing', ''],
  [' \n', {}, 'missing', ''],
  ['{}', {}, 'missing', ''],
  ['{"a":1,"b":{"a":2,"rows":[1]},"c":[{"rows":3}]}', { a: 1 }, 'missing', ''],
  ['{"a":"x\\"\\u00e9","rows":[],"table":null}', { a: 'x"é', table: null }, 'empty', '[]'],
  ['{"rows" : [ [1] ,[{"rows":2}]] , "a":[1]}', { a: [1] }, 'rows', '[ [1] ,[{"rows":2}]]'],
  ['{"\\u0072ows":[[]],"\\u00e9":1}', { é: 1 }, 'rows', '[[]]'],
  ['{"rows":{"rows":[1]}}', {}, 'other', ''],
  ['{"rows":null}', {}, 'other', ''],
  ['{"rows":"[[1]]"}', {}, 'other', ''],
  // The last one of equal names counts.
  ['{"a":1,"rows":[[1]],"rows":[[2]],"a":3}', { a: 3 }, 'rows', '[[2]]'],
  ['{"rows":[[1]],"rows":5}', {}, 'other', ''],
  ['{"rows":5,"rows":[]}', {}, 'empty', '[]'],
  ['{"__proto__":{"a":1},"toString":2}', {}, 'missing', ''],
  [`{"${'x'.repeat(70_000)}":1,"a":2}`, { a: 2 }, 'missing', ''],
])('reads %.70s', (text, fields, rows, taken) => {
  for (const size of [1, 2, 3, 7, text.length]) {
    if (text.length > 1000 && size < text.length) continue;
    const sizes = Array.from({ length: Math.ceil(text.length / Math.max(1, size)) }, () => size);
    expect(read(text, sizes)).toEqual({ fields, rows, taken });
  }
});

const INVALID =
  'invalid parameters of the request, ex: invalid format of the request body. A simple JSON object was expected';
test.each<[string | Buffer]>([
  ['null'],
  ['[]'],
  ['1'],
  ['"a"'],
  ['{'],
  ['{"rows":[[1]'],
  ['{"a":1}x'],
  ['{"a":"\\ud800"}'],
  [Buffer.from('{"a":"\xe9"}', 'latin1')],
  [Buffer.from('{"a":1}\xc3', 'latin1')],
  [Buffer.from('{"b":["\xed\xa0\x80"]}', 'latin1')],
  [`{"b":${'['.repeat(70)}${']'.repeat(70)}}`],
])('refuses %j', (text) => {
  for (const sizes of [[], Array.from({ length: text.length }, () => 1)])
    expect(() => read(text, sizes)).toThrow(INVALID);
});

test('members that are kept have a limit', () => {
  expect(() => read(`{"table":"${'x'.repeat(70_000)}"}`)).toThrow(
    'the value of the parameter table is longer than 65536 bytes',
  );
});

const seed = newSeed('JSON bodies');
/** Seconds on an idle machine; others may have work too. */
const PATIENCE_MS = 120_000;

test(
  `agrees with JSON.parse, in whatever pieces (seed ${seed})`,
  () => {
    const key = fc.constantFrom('a', 'table', 'é', 'rows', 'b', '');
    const body = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
    const change = fc.option(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'[]{},:"\\0.e-tn é\xff\n')), { freq: 2 });
    const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 });
    fc.assert(
      fc.property(body, change, sizes, (value, change, sizes) => {
        let text = Buffer.from(JSON.stringify(value));
        if (change !== null) {
          const at = change[0] % text.length;
          text = Buffer.concat([text.subarray(0, at), Buffer.from(change[2], 'latin1'), text.subarray(at + change[1])]);
        }
        let expected: Record<string, unknown> | undefined;
        try {
          expected = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text).trim() || '{}');
        } catch {}
        const isObject = typeof expected === 'object' && expected !== null && !Array.isArray(expected);
        let found: ReturnType<typeof read> | undefined;
        try {
          found = read(text, sizes);
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
        }
        // JSON.parse takes surrogates that stand alone.
        if (/\\ud[89a-f]/i.test(text.toString())) return;
        expect(found !== undefined).toBe(isObject);
        if (found === undefined || expected === undefined) return;
        for (const name of WANTED) expect(JSON.stringify(found.fields[name])).toBe(JSON.stringify(expected[name]));
        const { rows } = expected;
        const kind =
          rows === undefined ? 'missing' : !Array.isArray(rows) ? 'other' : rows.length === 0 ? 'empty' : 'rows';
        expect(found.rows).toBe(kind);
        if (Array.isArray(rows)) expect(JSON.stringify(JSON.parse(found.taken))).toBe(JSON.stringify(rows));
      }),
      { numRuns: 10_000, seed },
    );
  },
  PATIENCE_MS,
);
