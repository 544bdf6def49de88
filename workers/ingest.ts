import { Worker } from '@temporalio/worker';
import { createIngestActivities } from '../activities/ingest';
import { IngestError } from '../ingest/core/errors';
import { ingestQueue } from '../ingest/core/task-queues';
import { type Metadata, openMetadata } from '../ingest/storage/metadata';
import { PostgresLedger } from '../ingest/storage/metadata/ledger';
import { announce, leave } from '../ingest/storage/metadata/presence';
import { NativeIngestWorker } from '../ingest/worker/native';
import { readEnvironment } from './environment';
import { serve } from './serve';
import { Targets } from './targets';
import { connectTemporal } from './temporal';

/** Loads at the same time: one connection keeps one core of the server busy (docs/design.md §9). */
const LOADS = 2;

const ANNOUNCE_MS = 10_000;

/** `worker ingest NAME [TARGET]`: loading, on the task queue `ingest-NAME`; runs beside that worker's MariaDB and sources. */
async function start(name: string | undefined, target: string | undefined) {
  const environment = readEnvironment(process.env);
  const metadata = openMetadata(environment.postgresUrl);
  const worker = new Targets(environment, metadata).nativeWorker(target ?? environment.config.defaultTarget, name);
  await metadata.migrate();
  const link = await connectTemporal();
  const loader = new NativeIngestWorker({
    name: worker.name,
    mysql: environment.account(worker.mysql),
    metadata,
    sources: environment.sources,
    resolveSecret: environment.sources.resolveSecret,
    connections: LOADS,
    steps: environment.steps,
  });
  const stopAnnouncing = keepAnnouncing(metadata, worker.name);
  const temporalWorker = await Worker.create({
    connection: link.connection,
    namespace: link.namespace,
    taskQueue: ingestQueue(worker.name),
    activities: createIngestActivities({
      ledger: new PostgresLedger(metadata),
      worker: (_target, wanted) => {
        if (wanted === worker.name) return loader;
        throw new IngestError('UNKNOWN_WORKER', `this process loads for ${worker.name}, not for ${wanted}`);
      },
    }),
    maxConcurrentActivityTaskExecutions: LOADS,
    shutdownGraceTime: '5s',
  });
  const close = async () => {
    await stopAnnouncing();
    await loader.close();
    await metadata.close();
    await link.connection.close();
  };
  return { workers: [temporalWorker], close };
}

/** Says again and again that this worker is there, and at the end that it leaves. A database that is away hears of it later. */
function keepAnnouncing(metadata: Metadata, name: string): () => Promise<void> {
  const say = (what: typeof announce) => metadata.run((sql) => what(sql, name)).catch(() => {});
  void say(announce);
  const timer = setInterval(() => say(announce), ANNOUNCE_MS);
  return () => {
    clearInterval(timer);
    return say(leave);
  };
}

const [name, target] = process.argv.slice(2);
void serve(`worker ingest ${name ?? ''}`, () => start(name, target));
