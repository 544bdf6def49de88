import { createInterface } from 'node:readline';
import type { MysqlAccess } from '../../ingest/storage/data/connection';
import { openMetadata } from '../../ingest/storage/metadata';
import type { ReferenceRequest } from '../../ingest/worker/contributions';
import { NativeIngestWorker } from '../../ingest/worker/native';
import type { LoadRequest } from '../../ingest/worker/worker';

/** What a loading process of its own is told, as JSON in its first argument; see test/support/loading-process.ts. */
export interface LoadOrder {
  worker: string;
  mysql: MysqlAccess;
  postgresUrl: string;
  roots: Record<string, string>;
  /** What it loads: a unit, a contribution, or whatever is queued, until it is killed. */
  what: { request: LoadRequest } | { contribution: ReferenceRequest } | 'queue';
  /** Waits at this step for a line on standard input. */
  waitAt?: string;
}

/** Lines on standard output. */
export type LoadNews = { step: string } | { result: unknown } | { error: { code: string; message: string } };

const tell = (news: LoadNews) => process.stdout.write(`${JSON.stringify(news)}\n`);

async function main(order: LoadOrder): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const goOn = new Promise((resolve) => lines.once('line', resolve));
  const metadata = openMetadata(order.postgresUrl);
  const worker = new NativeIngestWorker({
    name: order.worker,
    mysql: order.mysql,
    metadata,
    sources: { roots: order.roots, stallSeconds: 30 },
    steps: async (step) => {
      tell({ step });
      if (step === order.waitAt) await goOn;
    },
  });
  try {
    if (order.what === 'queue') {
      worker.runQueue({ threads: 2 });
      await new Promise(() => {});
    } else if ('request' in order.what) tell({ result: await worker.load(order.what.request) });
    else tell({ result: await worker.submit(order.what.contribution) });
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    tell({ error: { code, message } });
  } finally {
    lines.close();
    await worker.close();
    await metadata.close();
  }
}

void main(JSON.parse(process.argv[2] ?? '') as LoadOrder);
