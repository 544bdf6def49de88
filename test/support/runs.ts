import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readText, writeFileAtomic } from '../../dev/files';
import { identity, isSame, killProcessesOf, ownIdentity } from '../../dev/identity';

/** In a run's folder: who keeps it, one to a line. */
const KEEPERS = 'keepers';

/** Notes that this process and the guard keep a run's folder. */
export function claimRun(dir: string, guard: number | undefined): void {
  const keepers = [ownIdentity(), guard === undefined ? undefined : identity(guard)];
  writeFileAtomic(join(dir, KEEPERS), keepers.filter((keeper) => keeper !== undefined).join('\n'));
}

/** Ends and deletes what is left of runs whose keepers were killed both, or went down with the machine. */
export async function sweepRuns(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const dir = join(folder, name);
    const keepers = readText(join(dir, KEEPERS));
    // Without the note it is just being made.
    if (keepers === undefined || keepers.split('\n').some(isSame)) continue;
    await killProcessesOf(dir);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
