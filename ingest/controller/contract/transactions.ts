import type { IngestError } from '../../core/errors';
import type { Controller } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Super-transactions as they are told of, and ends that happen once; the ingest configuration beside them. */
export function transactionCases(controller: () => Controller, register: () => Promise<string>): void {
  describe('super-transactions, told of', () => {
    test('without what nobody asks for', async () => {
      const database = await register();
      const { id } = await controller().beginTransaction(database, { pod: 'ingest-0' });
      const whole = await controller().transaction(id);
      expect(whole.log).not.toEqual([]);
      const none = { context: false, log: false };
      expect(await controller().transaction(id, none)).toEqual({ ...whole, context: {}, log: [] });
      expect(await controller().transaction(id, { context: false })).toEqual({ ...whole, context: {} });
      expect(await controller().transactions({ database }, { log: false })).toEqual([{ ...whole, log: [] }]);
      expect(await controller().transactions({ database }, none)).toEqual([{ ...whole, context: {}, log: [] }]);
    });

    test('an end that happens once is refused the second time, and a commit in all states but STARTED', async () => {
      const database = await register();
      const end = (id: number, how: 'commit' | 'abort') =>
        controller().endTransaction(id, how, undefined, { once: true });
      const begin = async () => (await controller().beginTransaction(database, {})).id;
      const committed = await begin();
      expect(await end(committed, 'commit')).toMatchObject({ state: 'FINISHED' });
      await expect(end(committed, 'commit')).rejects.toEqual(failure('ILLEGAL_STATE', 'FINISHED'));
      await expect(end(committed, 'abort')).rejects.toEqual(failure('ILLEGAL_STATE', 'FINISHED'));
      const aborted = await begin();
      expect(await end(aborted, 'abort')).toMatchObject({ state: 'ABORTED' });
      await expect(end(aborted, 'abort')).rejects.toEqual(failure('ILLEGAL_STATE', 'ABORTED'));
      const contested = await begin();
      const ends = await Promise.allSettled([1, 2, 3, 4].map(() => end(contested, 'commit')));
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    test('chunks are counted once, whatever their replicas', async () => {
      const database = await register();
      expect(await controller().chunkCount(database)).toBe(0);
      await controller().allocateChunks({ database }, [7480, 7310, 7480]);
      expect(await controller().chunkCount(database)).toBe(2);
      await expect(controller().chunkCount('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });
  });

  describe('the ingest configuration', () => {
    test('has what was ever set, with its type', async () => {
      const database = await register();
      expect(await controller().ingestConfig(database)).toEqual({});
      const first = {
        SSL_VERIFYHOST: 0,
        CAINFO_VAL: '-----BEGIN…\n"quoted"\\',
        CURLOPT_NOPROXY: '',
        CONNECTTIMEOUT: -5,
      };
      await controller().setIngestConfig(database, first);
      expect(await controller().ingestConfig(database)).toEqual(first);
      await controller().setIngestConfig(database, {});
      await controller().setIngestConfig(database, { SSL_VERIFYHOST: 2, ASYNC_PROC_LIMIT: 4294967295 });
      expect(await controller().ingestConfig(database)).toEqual({
        ...first,
        SSL_VERIFYHOST: 2,
        ASYNC_PROC_LIMIT: 4294967295,
      });
      await expect(controller().ingestConfig('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().setIngestConfig('nope', {})).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });
  });
}
