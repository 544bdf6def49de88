import type { IngestError } from '../../core/errors';
import type { Controller, ControllerCapabilities } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Row counters, as every backend shows them. `register` makes a catalog with tables Object, Source and Filter, unpublished. */
export function rowCounterCases(
  capabilities: ControllerCapabilities,
  controller: () => Controller,
  register: () => Promise<string>,
): void {
  /** Final tables counted, where that is told. */
  const told = (finalTables: number) => (capabilities.reports ? finalTables : 0);
  const published = async (): Promise<string> => {
    const name = await register();
    await controller().allocateChunks({ database: name }, [7480, 7310]);
    await controller().publish(name);
    return name;
  };

  describe('row counters', () => {
    test('are collected, kept as the policy says, given to Qserv, read and deleted', async () => {
      const name = await published();
      const totals = { rows: 0, overlapRows: 0 };
      const report = { scanned: true, stored: false, finalTables: told(4), ...totals };
      expect(await controller().collectRowCounters(name, 'Object')).toEqual(report);
      expect(await controller().rowCounters(name, 'Object')).toEqual([]);
      await expect(controller().deployRowCounters(name, 'Object')).rejects.toEqual(failure('ILLEGAL_STATE', 'collect'));

      const before = Date.now();
      const kept = { ...report, stored: true };
      expect(await controller().collectRowCounters(name, 'Object', { policy: 'ENABLED' })).toEqual(kept);
      const counters = await controller().rowCounters(name, 'Object');
      expect(counters.map(({ updateTime, ...c }) => c)).toEqual(
        [7310, 7480].flatMap((chunk) =>
          [false, true].map((overlap) => ({ transactionId: 0, chunk, overlap, rows: 0 })),
        ),
      );
      for (const { updateTime } of counters) expect(updateTime).toBeGreaterThanOrEqual(before);

      expect(await controller().collectRowCounters(name, 'Object', { policy: 'ENABLED' })).toEqual({
        ...totals,
        scanned: false,
        stored: true,
        finalTables: 0,
      });
      expect(await controller().collectRowCounters(name, 'Object', { policy: 'ENABLED', forceRescan: true })).toEqual(
        kept,
      );
      await controller().deployRowCounters(name, 'Object');
      await controller().deployRowCounters(name, 'Object');
      await controller().deleteRowCounters(name, 'Object', { qservOnly: true });
      expect(await controller().rowCounters(name, 'Object')).toHaveLength(4);
      await controller().deleteRowCounters(name, 'Object', { overlap: 'OVERLAP' });
      expect((await controller().rowCounters(name, 'Object')).map((c) => c.overlap)).toEqual([false, false]);
      await controller().deleteRowCounters(name, 'Object');
      await controller().deleteRowCounters(name, 'Object');
      expect(await controller().rowCounters(name, 'Object')).toEqual([]);
    });

    test('of one sort of final tables', async () => {
      const name = await published();
      const options = { policy: 'ENABLED', overlap: 'OVERLAP' } as const;
      expect(await controller().collectRowCounters(name, 'Source', options)).toMatchObject({ finalTables: told(2) });
      await expect(controller().deployRowCounters(name, 'Source')).rejects.toEqual(failure('ILLEGAL_STATE'));
      const chunks = { policy: 'ENABLED', overlap: 'CHUNK' } as const;
      expect(await controller().collectRowCounters(name, 'Source', chunks)).toMatchObject({ scanned: true });
      expect(await controller().rowCounters(name, 'Source')).toHaveLength(4);
      await controller().deployRowCounters(name, 'Source');
    });

    test('of regular tables have chunk 0', async () => {
      const name = await published();
      await controller().collectRowCounters(name, 'Filter', { policy: 'FORCED', overlap: 'OVERLAP' });
      expect(await controller().rowCounters(name, 'Filter')).toMatchObject([{ chunk: 0, overlap: false, rows: 0 }]);
      await controller().deployRowCounters(name, 'Filter');
    });

    test('do not ask for a published database', async () => {
      const name = await register();
      await controller().allocateChunks({ database: name }, [7480]);
      expect(await controller().collectRowCounters(name, 'Object', { policy: 'ENABLED' })).toMatchObject({
        stored: true,
      });
      await controller().deployRowCounters(name, 'Object');
    });

    test('unknown names', async () => {
      const name = await register();
      await expect(controller().collectRowCounters('nope', 'Object')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().collectRowCounters(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(controller().deployRowCounters(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(controller().rowCounters(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(controller().deleteRowCounters(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      const overlap = 'BOTH' as 'CHUNK';
      await expect(controller().collectRowCounters(name, 'Object', { overlap })).rejects.toEqual(
        failure('INVALID_INPUT'),
      );
    });
  });
}
