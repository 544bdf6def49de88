import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { batchFailure, campaignError } from './failures';

const activity = (cause: Error) =>
  new ActivityFailure('activity failed', 'loadBatch', '1', RetryState.MAXIMUM_ATTEMPTS_REACHED, undefined, cause);

test('a worker that takes nothing is told apart from one that dies', () => {
  const away = batchFailure(activity(new TimeoutFailure('t', undefined, TimeoutType.SCHEDULE_TO_START)), 'ingest-w1');
  expect(away).toMatchObject({ code: 'NO_WORKERS', concerns: 'queue' });
  expect(away.message).toContain('ingest-w1');
  const dead = batchFailure(activity(new TimeoutFailure('t', undefined, TimeoutType.HEARTBEAT)), 'ingest-w1');
  expect(dead).toMatchObject({ code: 'LOAD_FAILED', concerns: 'unit' });
});

test.each(['ILLEGAL_STATE', 'UNKNOWN_TRANSACTION', 'REVOKED'])(
  '%s means that the super-transaction is lost',
  (type) => {
    const failure = ApplicationFailure.nonRetryable('gone', type);
    expect(batchFailure(activity(failure), 'q')).toEqual({ code: type, message: 'gone', concerns: 'transaction' });
  },
);

test('a database that stays away is waited for', () => {
  const failure = ApplicationFailure.create({ message: 'down', type: 'UNAVAILABLE' });
  expect(batchFailure(activity(failure), 'q')).toMatchObject({ concerns: 'waiting' });
});

test('an error that is no activity failure is a defect and passes through', () => {
  const defect = new TypeError('x is undefined');
  expect(() => batchFailure(defect, 'q')).toThrow(defect);
});

test("the campaign's error is the innermost cause, with its details", () => {
  const cause = ApplicationFailure.create({ message: 'bad', type: 'INVALID_INPUT', details: [{ faults: [] }] });
  const child = new ChildWorkflowFailure(
    'default',
    { workflowId: 'w', runId: 'r' },
    'ingestTransaction',
    RetryState.NON_RETRYABLE_FAILURE,
    activity(cause),
  );
  expect(campaignError(child)).toEqual({ code: 'INVALID_INPUT', message: 'bad', details: { faults: [] } });
  expect(campaignError(new Error('boom'))).toEqual({ code: 'INTERNAL', message: 'boom' });
});
