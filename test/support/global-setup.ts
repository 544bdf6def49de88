import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { checkout, newRunDir } from '../../dev/files';
import { FOLDER_VARIABLE } from '../../dev/identity';
import { findMariaDb } from '../../dev/mariadb-programs';
import { findTemporal } from '../../dev/temporal-program';
import { claimRun, sweepRuns } from './runs';

declare global {
  /** Ends the test run's processes and deletes its folder; also when its pipe to us breaks, however we die. */
  var endTestServers: (() => Promise<void>) | undefined;
}

const report = (message: string) => console.error(`test servers: ${message}`);

/**
 * Gets the servers' programs: on a new machine that takes minutes, which no test's time limit allows for. Then makes the run's
 * folder, where test/support/servers.ts starts servers when a test first asks, and sets the guard over it. Whatever is started from
 * here on carries the run's mark, jest's own workers included: one that outlived jest would go on to start servers that nobody ends.
 */
export default async function setUp(): Promise<void> {
  await Promise.all([findMariaDb(report), findTemporal(report)]);
  const dir = newRunDir('test');
  process.env.QSERV_CAMPAIGNS_TEST_RUN = dir;
  const guard = spawn(process.execPath, [join(checkout, 'test', 'support', 'guard.mjs'), dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  claimRun(dir, guard.pid);
  const ended = new Promise<void>((resolve) => guard.once('close', () => resolve()));
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  globalThis.endTestServers = () => {
    guard.ref();
    guard.stdin.end();
    return ended;
  };
  process.env[FOLDER_VARIABLE] = join(dir, 'tests');
  await sweepRuns(dirname(dir));
}
