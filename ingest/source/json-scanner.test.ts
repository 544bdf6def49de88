import fc from 'fast-check';
import { newSeed } from '../../test/support/hostile';
import { type JsonKind, JsonScanner, type JsonSink, JsonSyntaxError } from './json-scanner';

/** Puts the value together again from what the sink hears. */
class Builder implements JsonSink {
  value: unknown;
  private readonly open: { kind: JsonKind; value: unknown; key?: string }[] = [];
  private bytes: Buffer[] = [];

  begin(kind: JsonKind, depth: number): void {
    if (depth !== this.open.length) throw new Error(`depth ${depth} instead of ${this.open.length}`);
    if (kind === 'array' || kind === 'object')
      this.open.push({ kind, value: kind === 'array' ? [] : Object.create(null) });
    else this.bytes = [];
  }
  text(chunk: Buffer, from: number, to: number): void {
    this.bytes.push(Buffer.from(chunk.subarray(from, to)));
  }
  character(code: number): void {
    this.bytes.push(Buffer.from(String.fromCodePoint(code)));
  }
  end(kind: JsonKind): void {
    const text = Buffer.concat(this.bytes).toString();
    if (kind === 'key') (this.open.at(-1) as { key?: string }).key = text;
    else if (kind === 'string') this.put(text);
    else if (kind === 'number') this.put(Number(text));
    else if (kind === 'array' || kind === 'object') this.put(this.open.pop()?.value);
    else this.put({ true: true, false: false, null: null }[kind]);
  }
  private put(value: unknown): void {
    const around = this.open.at(-1);
    if (around === undefined) this.value = value;
    else if (around.kind === 'array') (around.value as unknown[]).push(value);
    else (around.value as Record<string, unknown>)[around.key as string] = value;
  }
}

function scan(bytes: Buffer, sizes: number[] = []): unknown {
  const builder = new Builder();
  const scanner = new JsonScanner(builder, 64);
  let at = 0;
  for (const size of sizes) {
    scanner.write(bytes.subarray(at, at + size));
    at += size;
  }
  scanner.write(bytes.subarray(at));
  scanner.end();
  return builder.value;
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

test.each([
  '{}',
  '[]',
  ' [ ] ',
  '0',
  '-0.5e-9',
  '1E+3',
  '"a"',
  'true',
  'false',
  'null',
  '{"a":[{"b":[]},{}],"":""}',
  '"\\u00e9\\ud83d\\ude00"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '[1,2 ,3]\n',
  '{"a" : 1 , "a":2}',
  '12345678901234567890',
])('takes %s', (text) => {
  for (let size = 1; size <= text.length; size++) {
    const sizes = Array.from({ length: Math.ceil(text.length / size) }, () => size);
    expect(plain(scan(Buffer.from(text), sizes))).toEqual(JSON.parse(text));
  }
});

test.each([
  '',
  ' ',
  '{',
  '[',
  '[1',
  '[1,',
  '[1,]',
  '[,]',
  '{"a"',
  '{"a":',
  '{"a":1,',
  '{"a":1,}',
  '{,}',
  '{1:2}',
  '[1}',
  '{"a":1]',
  ']',
  '}',
  '"',
  '"a',
  '"\n"',
  '"\u0000"',
  '"\\x"',
  '"\\u12"',
  '"\\u12g4"',
  '"\\ud800"',
  '"\\ud800a"',
  '"\\ud800\\n"',
  '"\\ud800\\u0041"',
  '"\\udc00"',
  '01',
  '-',
  '-a',
  '1.',
  '1.e1',
  '.5',
  '1e',
  '1e+',
  '+1',
  '--1',
  '1 2',
  '[1 2]',
  'tru',
  'truE',
  'nul',
  'nulll',
  'True',
  'NaN',
  'Infinity',
  '[] []',
  '{"a" 1}',
  "'a'",
  '//',
  '\u00a0[]',
  `${'['.repeat(65)}${']'.repeat(65)}`,
])('refuses %s', (text) => {
  expect(() => scan(Buffer.from(text))).toThrow(JsonSyntaxError);
});

const seed = newSeed('JSON texts');
/** Seconds on an idle machine; others may have work too. */
const PATIENCE_MS = 120_000;
const cut = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 });

test(
  `agrees with JSON.parse on whatever is JSON, in whatever pieces (seed ${seed})`,
  () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), cut, (text, sizes) => {
        expect(plain(scan(Buffer.from(text), sizes))).toEqual(plain(JSON.parse(text)));
      }),
      { numRuns: 3000, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `agrees with JSON.parse on what is spoilt JSON (seed ${seed})`,
  () => {
    const spoilt = fc.tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom(...'[]{},:"\\0123456789.eE+-tfn u\n'),
      fc.nat(2),
    );
    fc.assert(
      fc.property(spoilt, cut, ([text, where, character, how], sizes) => {
        const at = where % (text.length + 1);
        const changed = text.slice(0, at) + (how === 0 ? '' : character) + text.slice(at + (how === 1 ? 0 : 1));
        let expected: unknown = JsonSyntaxError;
        try {
          expected = plain(JSON.parse(changed));
        } catch {}
        let found: unknown;
        try {
          found = plain(scan(Buffer.from(changed), sizes));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonSyntaxError);
          found = JsonSyntaxError;
        }
        // JSON.parse takes surrogates that stand alone.
        if (!/\\ud[89a-f]/i.test(changed)) expect(found).toEqual(expected);
      }),
      { numRuns: 7000, seed },
    );
  },
  PATIENCE_MS,
);
