import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isRoot } from './files';
import type { Report } from './process';
import { findProgram } from './programs';
import { runLogged } from './run';

const run = promisify(execFile);

/** Installs packages by apt-get, as root or by sudo without a password, telling each step. `remedy` says what else to do. */
export async function aptInstall(what: string, packages: string[], remedy: string, report: Report): Promise<void> {
  const aptGet = findProgram('apt-get');
  if (!aptGet) throw new Error(`${what} is not installed and there is no apt-get here; ${remedy}`);
  const prefix = isRoot ? [] : await sudo(what, remedy);
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C'];
  const apt = [...prefix, ...env, aptGet, '-y', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  report(`${what} is not installed: apt-get update`);
  await runLogged([...apt, 'update'], report, remedy);
  report(`apt-get install ${packages.join(' ')}`);
  await runLogged([...apt, 'install', '--no-install-recommends', ...packages], report, remedy);
}

async function sudo(what: string, remedy: string): Promise<string[]> {
  try {
    await run('sudo', ['-n', 'true']);
    return ['sudo', '-n'];
  } catch {
    throw new Error(`${what} is not installed, and this user may neither install it nor use sudo; ${remedy}`);
  }
}
