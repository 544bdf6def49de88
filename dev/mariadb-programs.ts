import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { isRoot } from './files';
import type { Report } from './process';
import { runLogged } from './run';

const run = promisify(execFile);

export interface MariaDbPrograms {
  server: string;
  installDb: string;
  version: string;
}

/** Oldest release whose partition exchange, NOWAIT DDL and recovery the design was tried on. */
const OLDEST: readonly [number, number] = [10, 11];
const PACKAGES = ['mariadb-server-core', 'mariadb-client-core'];
const REMEDY = `install MariaDB ${OLDEST.join('.')} or newer, for example: sudo apt-get install ${PACKAGES.join(' ')}`;

/** Full path of a program on PATH or in the system folders that ordinary users' PATH leaves out. */
export function findProgram(name: string, path = `${process.env.PATH ?? ''}`): string | undefined {
  for (const dir of [...path.split(delimiter), '/usr/sbin', '/usr/local/sbin'].filter((entry) => entry !== '')) {
    const file = join(dir, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return undefined;
}

let found: Promise<MariaDbPrograms> | undefined;

/** The installed MariaDB, else one from apt-get. Errors name the remedy. */
export function findMariaDb(report: Report): Promise<MariaDbPrograms> {
  found ??= locate().then(async (programs) => {
    if (programs) return programs;
    await installMariaDb(report);
    const installed = await locate();
    if (!installed) throw new Error(`apt-get ran, but mariadbd is still missing; ${REMEDY}`);
    return installed;
  });
  found.catch(() => {
    found = undefined;
  });
  return found;
}

async function locate(): Promise<MariaDbPrograms | undefined> {
  const server = findProgram('mariadbd');
  const installDb = findProgram('mariadb-install-db');
  if (!server || !installDb) return undefined;
  const { stdout } = await run(server, ['--no-defaults', '--version']);
  const [, version = '', major = '', minor = ''] = /Ver ((\d+)\.(\d+)\.\d+)/.exec(stdout) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST;
  if (Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor)) {
    throw new Error(`${server} is MariaDB ${version || stdout.trim()}, which is too old; ${REMEDY}`);
  }
  return { server, installDb, version };
}

/** Installs MariaDB's programs by apt-get, as root or by sudo without a password, telling each step. */
export async function installMariaDb(report: Report): Promise<void> {
  const aptGet = findProgram('apt-get');
  if (!aptGet) throw new Error(`MariaDB is not installed and there is no apt-get here; ${REMEDY}`);
  const prefix = isRoot ? [] : await sudo();
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C'];
  const apt = [...prefix, ...env, aptGet, '-y', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  report('MariaDB is not installed: apt-get update');
  await runLogged([...apt, 'update'], report, REMEDY);
  report(`apt-get install ${PACKAGES.join(' ')}`);
  await runLogged([...apt, 'install', '--no-install-recommends', ...PACKAGES], report, REMEDY);
}

async function sudo(): Promise<string[]> {
  try {
    await run('sudo', ['-n', 'true']);
    return ['sudo', '-n'];
  } catch {
    throw new Error(`MariaDB is not installed, and this user may neither install it nor use sudo; ${REMEDY}`);
  }
}
