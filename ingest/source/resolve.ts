import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { IngestError } from '../core/errors';
import { brokenFile, shownUrl } from './errors';
import type { SourceRules } from './rules';
import { urlWithSecrets } from './secrets';

/** Where the bytes of a source are. `path` is absolute and free of symbolic links. */
export type SourceLocation = { kind: 'file'; path: string } | { kind: 'http'; url: URL };

/**
 * Finds a source: `root://NAME/path` under the named root, `file://` under some root, `http(s)://` as it is.
 * Symbolic links are followed before the check. Errors: INVALID_INPUT (no such kind of URL), SOURCE_DENIED (outside the
 * roots; names them), SOURCE_MISSING.
 */
export async function resolveSourceUrl(url: string, rules: SourceRules): Promise<SourceLocation> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  switch (parsed?.protocol) {
    case 'http:':
    case 'https:':
      return { kind: 'http', url: new URL(urlWithSecrets(url, rules)) };
    case 'root:':
      return { kind: 'file', path: await underRoot(url, rootPath(url, parsed, rules), rules) };
    case 'file:':
      return { kind: 'file', path: await underRoot(url, filePath(url, parsed), rules) };
    default:
      throw new IngestError(
        'INVALID_INPUT',
        `${shownUrl(url)}: not a source URL; use file://, root://NAME/path, http:// or https://`,
      );
  }
}

function rootPath(url: string, parsed: URL, rules: SourceRules): string {
  // The name is taken from the text: URL hosts of special schemes are lower-cased, ours must not depend on that.
  const name = /^root:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '';
  const root = Object.hasOwn(rules.roots, name) ? rules.roots[name] : undefined;
  if (root === undefined) throw denied(url, rules);
  return path.join(root, decode(url, parsed.pathname));
}

function filePath(url: string, parsed: URL): string {
  // The contract ignores the host of file:// (docs/contract/worker.md §1).
  const local = new URL(parsed);
  local.hostname = '';
  try {
    return fileURLToPath(local);
  } catch (error) {
    throw new IngestError('INVALID_INPUT', `${url}: not a file URL: ${(error as Error).message}`);
  }
}

function decode(url: string, pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new IngestError('INVALID_INPUT', `${url}: bad percent encoding`);
  }
}

async function underRoot(url: string, file: string, rules: SourceRules): Promise<string> {
  // Refused by its spelling first, so that nothing is learned about files outside the roots.
  const roots = Object.values(rules.roots).map((root) => path.resolve(root));
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  if (![...roots, ...real].some((root) => within(root, file))) throw denied(url, rules);
  let target: string;
  try {
    target = await realpath(file);
  } catch (error) {
    throw brokenFile(url, error);
  }
  if (!real.some((root) => within(root, target))) throw denied(url, rules);
  return target;
}

function within(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative === '' || !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative));
}

function denied(url: string, rules: SourceRules): IngestError {
  const roots = Object.entries(rules.roots).map(([name, root]) => `${name}=${root}`);
  return new IngestError(
    'SOURCE_DENIED',
    `${url} lies outside the source roots (${roots.length > 0 ? roots.join(', ') : 'none is configured'})`,
    { roots: rules.roots },
  );
}
