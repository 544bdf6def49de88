import { createServer, type Server } from 'node:http';
import { listening } from '../../test/support/listening';
import { Planner } from '../../test/support/planner';
import { draftPlan } from './plan';

let planner: Planner;

beforeAll(async () => {
  planner = await Planner.open();
}, 120_000);

afterAll(() => planner?.close());

describe('templates and http sources', () => {
  let server: Server;
  let base: string;
  /** How often /tired still answers that it is busy. */
  let tiredness = 2;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/busy') response.writeHead(503).end();
      else if (request.url === '/tired' && tiredness > 0) {
        tiredness--;
        response.writeHead(503).end();
      } else if (request.url === '/tired') response.writeHead(200).end('a\tb\n');
      else if (request.url === '/endless') response.writeHead(200, { 'transfer-encoding': 'chunked' }).end('a\tb\n');
      else if (!/^\/Object\/(over_)?7(480|481)\.csv$/.test(request.url ?? '')) response.writeHead(404).end();
      else
        response
          .writeHead(200, { 'content-length': 4, etag: '"e1"' })
          .end(request.method === 'HEAD' ? undefined : 'abc\n');
    });
    base = `http://127.0.0.1:${await listening(server)}/`;
  });
  afterAll(() => server.close());

  const withTemplate = async (group: object) => {
    const input = await planner.example();
    input.tables[0].contributions = [{ template: `${base}Object/{chunk}.csv`, ...group }];
    return input;
  };

  test('numbers and ranges become URLs, each looked at', async () => {
    const input = await withTemplate({
      chunks: ['7480-7481'],
      overlapTemplate: `${base}Object/over_{chunk}.csv`,
      overlapChunks: [7480],
    });
    const { units } = await draftPlan(input, 'k', planner.services);
    expect(
      [...units()]
        .filter((u) => u.table === 'Object')
        .map((u) => [u.chunk, u.overlap, u.sources[0]?.url, u.sources[0]?.expect]),
    ).toEqual([
      [7480, false, `${base}Object/7480.csv`, { bytes: 4, etag: '"e1"' }],
      [7480, true, `${base}Object/over_7480.csv`, { bytes: 4, etag: '"e1"' }],
      [7481, false, `${base}Object/7481.csv`, { bytes: 4, etag: '"e1"' }],
    ]);
  });

  test('faults', async () => {
    const input = await withTemplate({ chunks: [7482, 169, '169-169'] });
    await expect(draftPlan(input, 'k', planner.services)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: {
        faults: [
          { path: 'tables[0].contributions[0].chunks[1]', message: expect.stringMatching(/^169 is no chunk/) },
          { path: 'tables[0].contributions[0].chunks[2]', message: 'no chunk of this partitioning lies in 169-169' },
          { path: 'tables[0].contributions[0].chunks[0]', message: expect.stringMatching(/7482\.csv: .*404/) },
        ],
      },
    });
  });

  test('a source that breaks off is looked at again; one that stays broken is told by its path', async () => {
    const input = await planner.example();
    input.tables[2].contributions = [{ files: [{ url: `${base}tired` }, { url: `${base}busy` }] }];
    await expect(draftPlan(input, 'k', planner.services)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: {
        faults: [
          {
            path: 'tables[2].contributions[0].files[1]',
            message: expect.stringMatching(/busy: the server answered 503/),
          },
        ],
      },
    });
    expect(tiredness).toBe(0);
  });

  test('where the server gives no length, the declared one counts', async () => {
    const input = await planner.example();
    input.tables[2].contributions = [{ files: [{ url: `${base}endless`, bytes: 4 }] }];
    const { plan, units } = await draftPlan(input, 'k', planner.services);
    expect(plan.summary.tables[2]).toMatchObject({ table: 'Filter', bytes: 4 });
    expect([...units()].at(-1)?.sources[0]?.expect).toEqual({ bytes: 4 });
  });

  test('http does not belong to files; the request id goes with the plan', async () => {
    const input = await planner.example();
    input.requestId = 'nightly-7';
    expect((await draftPlan(input, 'k', planner.services)).plan.summary.requestId).toBe('nightly-7');
    const [file] = input.tables[2].contributions[0].files;
    input.tables[2].contributions = [{ files: [file], http: {} }];
    const error = await draftPlan(input, 'k', planner.services).catch((e) => e);
    expect(error.details.faults[0]).toEqual({
      path: 'tables[2].contributions[0].http',
      message: 'belongs to http(s) sources; remove it',
    });
  });
});
