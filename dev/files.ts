import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The checkout: the folder that holds package.json, seen from dev/ and from dist/dev/ alike. */
export const checkout = findCheckout(__dirname);

function findCheckout(from: string): string {
  let dir = from;
  while (!existsSync(join(dir, 'package.json'))) {
    const up = dirname(dir);
    if (up === dir) throw new Error(`no package.json above ${from}`);
    dir = up;
  }
  return dir;
}

export const isRoot = process.getuid?.() === 0;

/** As root, where the PostgreSQL account's files are: neither /root nor a private temporary folder lets another user in. */
export const ROOT_DATA_DIR = '/var/lib/qserv-campaigns';

/** The folder for what an unprivileged account must reach of `dir`: `dir` itself, but as root one below ROOT_DATA_DIR. */
export function sharedDataDir(dir: string): string {
  const absolute = resolve(dir);
  if (!isRoot || absolute.startsWith(`${ROOT_DATA_DIR}/`)) return absolute;
  return join(ROOT_DATA_DIR, shortHash(checkout), shortHash(absolute));
}

/** A new folder of one's own for temporary servers; as root where the PostgreSQL user may enter it. */
export function newRunDir(label: string): string {
  const base = isRoot ? join(ROOT_DATA_DIR, 'runs') : join(tmpdir(), `qserv-campaigns-${userInfo().username}`);
  const dir = join(base, `${label}-${randomBytes(4).toString('hex')}`);
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  return dir;
}

/** Where `npm run stack` and `npm run demo` keep everything: .stack/ of the checkout, or what QSERV_CAMPAIGNS_STACK names. */
export function defaultStackDir(): string {
  return resolve(checkout, process.env.QSERV_CAMPAIGNS_STACK || '.stack');
}

/** Per-user cache for things that are slow to make. */
export function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(userInfo().homedir, '.cache'), 'qserv-campaigns');
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Replaces the file in one step, so that a reader sees the old or the new text. */
export function writeFileAtomic(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${randomBytes(3).toString('hex')}`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The secret kept in `path`, made on first use; readable by its owner only. */
export function keptSecret(path: string): string {
  const known = readText(path)?.trim();
  if (known) return known;
  const secret = randomBytes(18).toString('base64url');
  writeFileAtomic(path, `${secret}\n`, 0o600);
  return secret;
}
