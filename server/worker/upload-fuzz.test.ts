import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { KEYS } from '../../test/support/controller-service';
import { newSeed } from '../../test/support/hostile';
import { BOUNDARY, MULTIPART, multipart, textParts } from '../../test/support/multipart';
import { RecordingWorker } from '../../test/support/recording-worker';
import { WorkerService } from '../../test/support/worker-service';

const worker = new RecordingWorker();
let service: WorkerService;
beforeAll(() => {
  service = WorkerService.start('w1', worker);
});
afterAll(async () => {
  await service.close();
  expect(readdirSync(service.spoolFolder)).toEqual([]);
});

const seed = newSeed('uploads');
/** Seconds on an idle machine; others may have work too. */
const PATIENCE_MS = 120_000;

/** One request; it must be answered, with success exactly when one contribution was loaded as a whole. */
async function answered(path: string, body: Buffer, type: string) {
  worker.loaded.length = 0;
  const reply = await service.send('POST', path, body, type);
  const finished = worker.loaded.filter(({ contribution }) => contribution.status === 'FINISHED');
  expect([reply.success, reply.error === '']).toEqual(finished.length === 1 ? [1, true] : [0, false]);
  for (const { contribution } of worker.loaded) expect(contribution.error).not.toContain('broken without');
  return { reply, finished };
}

function changed(whole: Buffer, changes: [at: number, length: number, text: string][], end: number | null): Buffer {
  let body = whole;
  for (const [at, length, text] of changes) {
    body = Buffer.concat([body.subarray(0, at), Buffer.from(text, 'latin1'), body.subarray(at + length)]);
  }
  return body.subarray(0, end ?? body.length);
}

test(
  `CSV: what is cut off is not loaded (seed ${seed})`,
  async () => {
    const fields = { auth_key: KEYS.auth, version: 55, transaction_id: 7, table: 'T', chunk: 1, overlap: 0 };
    const whole = multipart([...textParts(fields), { name: 'file', fileName: 'a.csv', content: '1,2\n3,4\n' }]);
    const piece = fc.oneof(
      fc.constantFrom('\r\n', '--', `\r\n--${BOUNDARY}`, `--${BOUNDARY}--`, '"', ';', 'filename="b"'),
      fc.string(),
    );
    const changes = fc.array(fc.tuple(fc.nat(whole.length), fc.nat(40), piece), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, fc.option(fc.nat(whole.length)), async (changes, end) => {
        const body = changed(whole, changes, end);
        const { finished } = await answered('/ingest/csv', body, MULTIPART);
        if (!body.includes(`\r\n--${BOUNDARY}--`)) expect(finished).toEqual([]);
      }),
      { numRuns: 500, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `JSON: members in any order, others among them (seed ${seed})`,
  async () => {
    const members = {
      auth_key: KEYS.auth,
      version: 55,
      transaction_id: 7,
      table: 'T',
      chunk: -1,
      overlap: true,
      charset_name: '',
    };
    const rows = fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', 'é', '0') }), fc.constant('00ff')), {
      minLength: 1,
      maxLength: 3,
    });
    const others = fc.dictionary(
      fc.string().filter((key) => !(key in members)),
      fc.jsonValue(),
      { maxKeys: 3 },
    );
    await fc.assert(
      fc.asyncProperty(rows, others, fc.infiniteStream(fc.nat()), fc.nat(2), async (rows, others, order, indent) => {
        const entries = Object.entries({ ...others, ...members, rows, binary_encoding: 'hex' }).map((entry) => ({
          entry,
          at: order.next().value,
        }));
        const body = Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ entry }) => entry));
        const { finished } = await answered(
          '/ingest/data',
          Buffer.from(JSON.stringify(body, null, indent)),
          'application/json',
        );
        const csv = Buffer.concat(
          rows.map(([text]) => Buffer.concat([Buffer.from(`"${text}"\t"\\0`), Buffer.from([255]), Buffer.from('"\n')])),
        );
        expect(finished).toMatchObject([
          { request: { transactionId: 7, table: 'T', chunk: 4294967295, overlap: true } },
        ]);
        expect(finished[0]?.csv.equals(csv)).toBe(true);
      }),
      { numRuns: 500, seed },
    );
  },
  PATIENCE_MS,
);

test(
  `JSON: what is spoilt is loaded only if it is still JSON (seed ${seed})`,
  async () => {
    const body = {
      auth_key: KEYS.auth,
      rows: [
        ['é\n', '00'],
        [1, 'ff'],
      ],
      chunk: 1,
      overlap: 0,
      table: 'T',
      transaction_id: 7,
      version: 55,
    };
    const whole = Buffer.from(JSON.stringify(body));
    const piece = fc.oneof(
      fc.constantFrom(
        '[',
        ']',
        '{',
        '}',
        ',',
        ':',
        '"',
        '\\',
        '0',
        '-',
        '"rows":[],',
        '"rows":[["x","00"]],',
        'null',
        '\xe9',
        '\xf0\x9f',
        '\0',
        ' ',
      ),
      fc.string({ maxLength: 4 }),
    );
    const changes = fc.array(fc.tuple(fc.nat(whole.length), fc.nat(4), piece), { maxLength: 3 });
    const cutOff = fc.option(fc.nat(whole.length), { freq: 9 });
    await fc.assert(
      fc.asyncProperty(changes, cutOff, async (changes, end) => {
        const body = changed(whole, changes, end);
        const { reply, finished } = await answered('/ingest/data', body, 'application/json');
        let isJson = true;
        try {
          JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body) || '{}');
        } catch {
          isJson = false;
        }
        if (!isJson) expect(finished).toEqual([]);
        if (isJson && !/\\ud/i.test(body.toString()) && !/^[["\d-]|null/.test(body.toString()))
          expect(reply.error).not.toContain('invalid format');
      }),
      { numRuns: 1000, seed },
    );
  },
  PATIENCE_MS,
);
