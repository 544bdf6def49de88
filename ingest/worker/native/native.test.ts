import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { objectRows } from '../../../test/support/generate';
import { plainSource, TestCatalog } from '../../../test/support/load-catalog';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { NativeIngestWorker } from './index';

test('happy path', async () => {
  const dir = privateDir('src');
  mkdirSync(dir);
  const catalog = await TestCatalog.create(uniqueName('cat'), 'w1', await freshDatabase(), await sharedMariaDb('w1'));
  const worker = new NativeIngestWorker({
    name: 'w1',
    mysql: await sharedMariaDb('w1'),
    metadata: catalog.metadata,
    sources: { roots: { t: dir }, stallSeconds: 5 },
  });
  await writeFile(path.join(dir, 'a.csv'), objectRows(1000));
  await catalog.allocate(7);
  const tx = await catalog.begin();
  const r = await worker.load({
    unit: catalog.unit(tx, 7),
    sources: [plainSource('root://t/a.csv')],
    quality: 'strict',
    maxNumWarnings: 0,
  });
  console.log(
    JSON.stringify(r),
    await catalog.contents(catalog.unit(tx, 7)),
    await catalog.contributions(tx),
    await catalog.stagingTables(),
  );
  console.log(await worker.verify(tx));
  const again = await worker.load({
    unit: catalog.unit(tx, 7),
    sources: [plainSource('root://t/a.csv')],
    quality: 'strict',
    maxNumWarnings: 0,
  });
  console.log(again.alreadyLoaded);
  await worker.close();
  await catalog.close();
});
