import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { aptInstall } from './apt';
import type { Report } from './process';
import { findProgram } from './programs';

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
function installMariaDb(report: Report): Promise<void> {
  return aptInstall('MariaDB', PACKAGES, REMEDY, report);
}
