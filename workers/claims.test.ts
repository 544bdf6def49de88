import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { sharedTemporal } from '../test/support/servers';
import { isOver } from './claims';

/** Whether a holder's workflow has ended, asked of a real Temporal server; nobody works on its queue. */

let connection: Connection;
let client: Client;

beforeAll(async () => {
  connection = await Connection.connect({ address: (await sharedTemporal()).address });
  client = new Client({ connection });
}, 180_000);

afterAll(() => connection?.close());

test('running, of another chain, closed, unknown', async () => {
  const workflowId = `claims-${randomUUID()}`;
  const holder = (firstRunId: string) => ({ target: 'local', database: 'd', workflowId, firstRunId });
  expect(await isOver(client, holder('any'))).toBe(true);
  const handle = await client.workflow.start('nobody', { workflowId, taskQueue: workflowId });
  const run = handle.firstExecutionRunId;
  expect(await isOver(client, holder(run))).toBe(false);
  expect(await isOver(client, holder('an earlier one'))).toBe(true);
  await handle.terminate();
  expect(await isOver(client, holder(run))).toBe(true);
}, 60_000);

test.each(['PAUSED', 'UNKNOWN', 'CONTINUED_AS_NEW'])('%s without a first run is not over', async (name) => {
  const describe = async () => ({ status: { name }, raw: { workflowExecutionInfo: { firstRunId: '' } } });
  const odd = { workflow: { getHandle: () => ({ describe }) } } as unknown as Client;
  expect(await isOver(odd, { target: 'local', database: 'd', workflowId: 'w', firstRunId: 'r' })).toBe(false);
});
