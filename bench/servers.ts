import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { newRunDir } from '../dev/files';
import { MariaDbServer } from '../dev/mariadb';
import { PostgresServer } from '../dev/postgres';
import { NativeController } from '../ingest/controller/native/controller';
import { type Metadata, openMetadata } from '../ingest/storage/metadata';
import { NativeIngestWorker } from '../ingest/worker/native';

/** Servers of a benchmark's own with the stack's options, and a target of one worker on them. */
export interface BenchServers {
  dir: string;
  mariadb: MariaDbServer;
  master: MariaDbServer;
  metadata: Metadata;
  controller: NativeController;
  worker: NativeIngestWorker;
}

/** Starts them for `work` and removes all traces afterwards. */
export async function withServers<T>(work: (servers: BenchServers) => Promise<T>): Promise<T> {
  const dir = newRunDir('bench');
  const mariadb = new MariaDbServer({ name: 'w1', dir: join(dir, 'w1'), role: 'worker' });
  const master = new MariaDbServer({ name: 'master', dir: join(dir, 'master'), role: 'master' });
  const postgres = new PostgresServer({ dir: join(dir, 'postgres') });
  const opened: { close(): Promise<void> }[] = [];
  try {
    await Promise.all([mariadb.start(), master.start(), postgres.start()]);
    const metadata = openMetadata(postgres.url());
    opened.unshift(metadata);
    await metadata.migrate();
    const place = { host: '127.0.0.1', binaryPort: 25002, httpPort: 25004, enabled: true, readOnly: false };
    const controller = new NativeController({
      target: 'bench',
      servers: { master: master.mysql, workers: [{ name: 'w1', mysql: mariadb.mysql, ...place }] },
      metadata,
    });
    opened.unshift(controller);
    const sources = { roots: { bench: dir }, stallSeconds: 60 };
    const worker = new NativeIngestWorker({ name: 'w1', mysql: mariadb.mysql, metadata, sources });
    opened.unshift(worker);
    return await work({ dir, mariadb, master, metadata, controller, worker });
  } finally {
    for (const one of opened) await one.close();
    await Promise.all([mariadb.remove(), master.remove(), postgres.remove()]);
    rmSync(dir, { recursive: true, force: true });
  }
}
