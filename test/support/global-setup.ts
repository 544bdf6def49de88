import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkout, newRunDir } from '../../dev/files';

declare global {
  /** Ends the test run's servers and deletes its folder; also when its pipe to us breaks, however we die. */
  var endTestServers: (() => Promise<void>) | undefined;
}

/** Makes the run's folder, where test/support/servers.ts starts servers when a test first asks, and sets the guard over it. */
export default async function setUp(): Promise<void> {
  const dir = newRunDir('test');
  process.env.QSERV_CAMPAIGNS_TEST_RUN = dir;
  const guard = spawn(process.execPath, [join(checkout, 'test', 'support', 'guard.mjs'), dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => guard.once('close', () => resolve()));
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  globalThis.endTestServers = () => {
    guard.ref();
    guard.stdin.end();
    return ended;
  };
}
