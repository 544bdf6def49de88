import { NO_CONTRIBUTION } from '../../api/binary/messages';
import { IngestError } from '../../ingest/core/errors';
import type { OpenContribution } from '../../ingest/worker/contributions';
import { BinaryService } from '../../test/support/binary-service';
import { row } from '../../test/support/object-rows';
import { type BinaryOptions, createBinaryServer } from './server';

let service: BinaryService;
let log: string;
const logger = Object.fromEntries(
  (['info', 'warn', 'error'] as const).map((level) => [
    level,
    (facts: { err?: Error }, text: string) => {
      log += `${level} ${text} ${JSON.stringify(facts)} ${facts.err?.stack ?? ''}\n`;
    },
  ]),
) as unknown as NonNullable<BinaryOptions['logger']>;

beforeAll(async () => {
  service = await BinaryService.create();
});
beforeEach(async () => {
  log = '';
  await service.begin();
});
afterAll(() => service?.close());

async function dial(options: Partial<BinaryOptions>) {
  const { port } = await service.listen({ logger, ...options });
  return service.dial(port);
}

test('keys are in no log and in no answer, whatever becomes of them', async () => {
  const { port } = await service.listen({ key: 'canary-right', logger });
  const talk = async (authKey: string, more: object = {}) => {
    const client = await service.dial(port);
    const answer = await client.greet(service.handshake({ authKey, ...more })).catch(() => undefined);
    if (answer?.status === 'READY_TO_READ_DATA') return [answer, await client.data(row(1), true)];
    await client.closed();
    return [answer];
  };
  const answers = [
    ...(await talk('canary-wrong')),
    ...(await talk('canary-right')),
    ...(await talk('canary-right', { table: 'T' })),
    ...(await talk('canary-right', { table: '\0' })),
  ];
  expect(answers.map((answer) => answer?.status)).toEqual([
    'FAILED',
    'READY_TO_READ_DATA',
    'FINISHED',
    'FAILED',
    undefined,
  ]);
  expect(log).toContain('a binary connection with a wrong key');
  expect(log).toContain('a binary contribution ended');
  expect(log).toContain('no HandshakeRequest: a NUL character');
  expect(log + JSON.stringify(answers)).not.toContain('canary');
});

test('a defect at the handshake is told without its text, which is in the log', async () => {
  const receive = async (): Promise<OpenContribution> => {
    throw new TypeError('a defect of ours');
  };
  const client = await dial({ worker: { name: 'w1', receive } });
  expect(await client.greet(service.handshake())).toMatchObject({
    status: 'FAILED',
    error: 'internal error, see the log of the service',
    id: NO_CONTRIBUTION,
  });
  await client.closed();
  expect(log).toContain('TypeError: a defect of ours');
});

test('records that do not answer are told at the handshake', async () => {
  const receive = async (): Promise<OpenContribution> => {
    throw new IngestError('UNAVAILABLE', 'records: connect ECONNREFUSED');
  };
  const client = await dial({ worker: { name: 'w1', receive } });
  const failed = { status: 'FAILED', error: 'records: connect ECONNREFUSED', retryAllowed: true, id: NO_CONTRIBUTION };
  expect(await client.greet(service.handshake())).toMatchObject(failed);
});

test('when the end of a contribution is not recorded, it is not to be sent again', async () => {
  const receive = async (): Promise<OpenContribution> => ({
    ...{ id: 17, columns: [], rows: () => 0 },
    load: async (csv) => {
      for await (const _ of csv);
      throw new IngestError('UNAVAILABLE', 'records: connect ECONNREFUSED');
    },
  });
  const client = await dial({ worker: { name: 'w1', receive } });
  await client.greet(service.handshake());
  const failed = { status: 'FAILED', error: 'records: connect ECONNREFUSED', retryAllowed: false, id: 17 };
  expect(await client.data(row(1), true)).toMatchObject(failed);
  await client.closed();
  expect(log).toContain('the record of a binary contribution was not written');
});

test('a port that is taken is an error of whoever listens', async () => {
  const { port } = await service.listen();
  const server = createBinaryServer({ worker: service.worker, key: '' });
  await expect(server.listen(port, '127.0.0.1')).rejects.toThrow('EADDRINUSE');
});
