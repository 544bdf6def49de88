import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { checkout } from '../../dev/files';
import { recordedHistories } from '../support/histories';

/** Campaigns that were running when the code changed must go on: what they did, today's workflows would do again. */

const histories = recordedHistories();

test('there are recorded histories of every workflow', () => {
  const types = histories.map(
    ([, history]) => history.events[0].workflowExecutionStartedEventAttributes.workflowType.name,
  );
  expect(new Set(types)).toEqual(new Set(['ingestCampaign', 'ingestTransaction', 'deleteCatalog']));
});

test.each(histories)('%s replays', async (_name, history) => {
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes;
  await Worker.runReplayHistory(
    { workflowBundle: { codePath: join(checkout, 'dist', 'workflow-bundle.js') } },
    history,
    workflowId,
  );
});
