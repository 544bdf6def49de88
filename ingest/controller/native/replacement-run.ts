import type { DataServer } from '../../storage/data/connection';
import type { HeldLocks } from '../../storage/metadata/locks';
import type { NextVersion } from '../../storage/metadata/replacements';
import { replicasOf } from '../../storage/metadata/replicas';
import type { NativeContext } from './context';

/** Points of putting next versions in place; each is announced before the change that it names. */
export const REPLACE_STEPS = [
  'replace.prepare',
  'replace.index',
  /** From here on there is no way back. */
  'replace.hidden',
  'replace.hide',
  'replace.rename',
  'replace.master',
  'replace.css',
  'replace.show',
  'replace.shown',
  'replace.drop',
  'replace.records',
] as const;

/** What the steps of one call share. */
export interface Scope {
  context: NativeContext;
  held: HeldLocks;
  database: string;
  /** All next versions of the database: they go out of sight together and come back together. */
  versions: NextVersion[];
}

export async function announce(
  { context, held, database }: Scope,
  step: (typeof REPLACE_STEPS)[number],
  detail: Record<string, unknown> = {},
): Promise<void> {
  await context.steps(step, { database, ...detail });
  await held.check();
}

/** Side by side on all workers, with the chunks of the database that each one has. */
export async function onWorkers(
  { context, database }: Scope,
  work: (server: DataServer, chunks: number[]) => Promise<void>,
): Promise<void> {
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  await context.onWorkers((server) =>
    work(
      server,
      replicas.filter(({ worker }) => worker === server.name).map(({ chunk }) => chunk),
    ),
  );
}
