import { row, values } from '../../../test/support/object-rows';
import type { WorkerHarness } from '../contract';
import { Contributor } from './contributor';

/** Contributions that wait for their turn, docs/contract/worker.md §4 and §6. */
export function queueContract(harness: () => WorkerHarness): void {
  describe('asynchronous contributions', () => {
    const contributor = new Contributor(harness);
    const { place, reference, send, submit, missing } = contributor;
    let h: WorkerHarness;
    let tx: number;

    beforeAll(() => {
      h = harness();
    });
    beforeEach(async () => {
      tx = await contributor.renew();
    });

    test('asynchronous ones are queued, seen by their super-transaction, and cancelled while they wait', async () => {
      const release = await h.holdQueue();
      const one = await submit(row(1), { isAsync: true, charset: 'utf8mb4' });
      const two = await submit(row(2), { isAsync: true });
      await send(row(3));
      expect(one).toMatchObject({
        status: 'IN_PROGRESS',
        isAsync: true,
        charset: 'utf8mb4',
        maxNumWarnings: 64,
        startTime: 0,
      });
      expect((await h.worker.asyncContributions(tx)).map(({ id }) => id)).toEqual([one.id, two.id]);
      const cancelled = {
        status: 'CANCELLED',
        error: 'cancelled before beginning processing the request.',
        retryAllowed: true,
      };
      expect(await h.worker.cancel(one.id)).toMatchObject(cancelled);
      await release();
      expect(await h.ended(two.id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 1 });
      expect(await h.worker.contribution(one.id)).toMatchObject(cancelled);
      expect(await h.worker.cancel(two.id)).toMatchObject({ status: 'FINISHED' });
      expect(await h.rows(place())).toEqual([values(2), values(3)]);
    });

    test('all that wait of a super-transaction are cancelled at once, and no others', async () => {
      const release = await h.holdQueue();
      const mine = [await submit(row(1), { isAsync: true }), await submit(row(2), { isAsync: true })];
      const other = await submit(row(3), { isAsync: true, transactionId: await h.begin() });
      const cancelled = await h.worker.cancelAsync(tx);
      expect(cancelled.map(({ id, status }) => [id, status])).toEqual(mine.map(({ id }) => [id, 'CANCELLED']));
      await release();
      expect(await h.ended(other.id)).toMatchObject({ status: 'FINISHED' });
      expect((await h.rows(place())) ?? []).toEqual([]);
    });

    test('a queued one whose super-transaction ends meanwhile fails when its turn comes', async () => {
      const release = await h.holdQueue();
      const { id } = await submit(row(1), { isAsync: true });
      await h.setState(tx, 'FINISHED');
      await release();
      expect(await h.ended(id)).toMatchObject({
        status: 'START_FAILED',
        retryAllowed: false,
        error: `transactionId=${tx} is not active`,
        readTime: 0,
      });
    });

    test('one that could not be read is queued again, if asked so', async () => {
      const { url, appear } = await missing();
      const failed = await h.worker.submit(reference(url));
      await appear(row(1));
      expect(await h.worker.retry(failed.id, { isAsync: true })).toMatchObject({ isAsync: true, numFailedRetries: 1 });
      expect(await h.ended(failed.id)).toMatchObject({ status: 'FINISHED', isAsync: true });
      expect((await h.worker.asyncContributions(tx)).map(({ id }) => id)).toEqual([failed.id]);
    });
  });
}
