import fc from 'fast-check';
import { Refusal } from '../../api/qserv/refusal';
import { IngestError } from '../../ingest/core/errors';
import { newSeed } from '../../test/support/hostile';
import { BOUNDARY, MULTIPART, multipart, textParts } from '../../test/support/multipart';
import { readForm } from './form';
import { boundaryOf } from './multipart';

async function* cut(body: Buffer, sizes: number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    if (size > 0) yield body.subarray(at, at + size);
    at += size;
  }
  if (at < body.length) yield body.subarray(at);
}

async function read(body: Buffer | string, sizes: number[] = [], boundary = BOUNDARY) {
  const { fields, fileName, content } = await readForm(cut(Buffer.from(body), sizes), boundary);
  return { fields: { ...fields }, fileName, content: Buffer.concat(await content.toArray()).toString('latin1') };
}

test('boundaries', () => {
  expect(boundaryOf(MULTIPART)).toBe(BOUNDARY);
  expect(boundaryOf('multipart/form-data; charset=x; Boundary="a b;c"; d=e')).toBe('a b;c');
  expect(boundaryOf('multipart/form-data')).toBeUndefined();
});

test('a preamble, blanks behind boundaries, parts without names or heads, an epilogue', async () => {
  const body = [
    'preamble\r\n--b \t\r\ncontent-disposition: form-data; name=a\r\n\r\n1',
    '--b\r\nContent-Type: text/plain\r\nCONTENT-DISPOSITION: Form-Data; name="a\\"b"; x=y\r\n\r\nzwei',
    '--b\r\n\r\nnobody',
    '--b\r\nContent-Disposition: attachment; filename="no.csv"\r\n\r\nnor this',
    '--b\r\nContent-Disposition: form-data; name="f"; filename=""\r\n\r\na text',
    '--b\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n--bb\r\n--bc',
    '--b--\r\nepilogue\r\n--b\r\n',
  ].join('\r\n');
  expect(await read(body, [], 'b')).toEqual({
    fields: { a: '1', 'a"b': 'zwei', '': 'nor this', f: 'a text' },
    fileName: 'a.csv',
    content: '--bb\r\n--bc',
  });
});

test('the last one of equal names counts; names of files beyond ASCII', async () => {
  const file =
    '--b\r\nContent-Disposition: form-data; name="f"; filename="?"; filename*=utf-8\'\'na%C3%AFve.csv\r\n\r\n';
  const fields = ['1', '2'].map((v) => `--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n${v}\r\n`).join('');
  expect(await read(`${fields}${file}\r\n--b--`, [], 'b')).toEqual({
    fields: { a: '2' },
    fileName: 'naïve.csv',
    content: '',
  });
});

test.each([
  ['', 'they end too early'],
  ['--b', 'they end too early'],
  ['--b\r\nContent-Disposition: form-data; name="a"\r\n', 'they end too early'],
  ['--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue', 'they end too early'],
  [`--b\r\nX: ${'x'.repeat(17_000)}`, 'the head of a part is too long'],
])('refuses what is not well formed: %j', async (body, why) => {
  await expect(read(body, [], 'b')).rejects.toMatchObject({
    code: 'SOURCE_BROKEN',
    message: `the multipart form data are not well formed: ${why}`,
  });
});

test('limits of what comes before the file', async () => {
  const many = textParts(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, i])));
  await expect(read(multipart(many))).rejects.toMatchObject({
    message: expect.stringContaining('there are more than 100 fields'),
  });
  await expect(read(multipart([{ name: 'a', content: 'x'.repeat(65_537) }]))).rejects.toMatchObject({
    message: expect.stringContaining('the value of the parameter a is longer than 65536 bytes'),
  });
});

const seed = newSeed('forms');
/** Seconds on an idle machine; others may have work too. */
const PATIENCE_MS = 120_000;
const sizes = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 20 });

test(
  `any file, in whatever pieces (seed ${seed})`,
  async () => {
    const teasers = [
      '\r\n',
      '--',
      '-',
      BOUNDARY,
      BOUNDARY.slice(0, 9),
      `\r\n--${BOUNDARY.slice(1)}`,
      `\r\n--${BOUNDARY}x`,
      '\n',
      'a,b\n',
      '\r',
    ];
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.array(fc.constantFrom(...teasers), { maxLength: 20 }).map((pieces) => pieces.join('')),
    );
    const isPlain = (text: string) => !new RegExp(`\r\n--${BOUNDARY}(--|\r\n|[ \t])`).test(`${text}\r\n`);
    await fc.assert(
      fc.asyncProperty(content.filter(isPlain), fc.string({ maxLength: 20 }), sizes, async (text, value, sizes) => {
        const file = { name: 'file', fileName: 'a.csv', content: Buffer.from(text, 'latin1') };
        const body = multipart([{ name: 'x', content: value }, file, { name: 'y', content: 'ignored' }]);
        expect(await read(body, sizes)).toEqual({ fields: { x: value }, fileName: 'a.csv', content: text });
      }),
      { numRuns: 4000, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `spoilt forms are refused or read, never read in part (seed ${seed})`,
  async () => {
    const whole = multipart([
      ...textParts({ a: 1, table: 'T' }),
      { name: 'file', fileName: 'a.csv', content: '1,2\n3,4\n' },
    ]);
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '--', `\r\n--${BOUNDARY}`, `--${BOUNDARY}--`, '"', ';', 'filename="b"'),
      fc.string(),
    );
    const change = fc.tuple(fc.nat(whole.length), fc.nat(40), piece);
    const changes = fc.array(change, { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.option(fc.nat(whole.length)), sizes, async (changes, end, sizes) => {
        let body = whole;
        for (const [at, length, text] of changes) {
          body = Buffer.concat([body.subarray(0, at), Buffer.from(text), body.subarray(at + length)]);
        }
        body = body.subarray(0, end ?? body.length);
        try {
          await read(body, sizes);
          expect(body.includes(`--${BOUNDARY}--`)).toBe(true);
        } catch (error) {
          if (!(error instanceof IngestError) && !(error instanceof Refusal)) throw error;
        }
      }),
      { numRuns: 6000, seed },
    );
  },
  PATIENCE_MS,
);
