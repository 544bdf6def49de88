import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { IngestError } from '../core/errors';
import { brokenFile, filePlace, shownUrl } from './errors';
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
  const place = filePlace(url);
  if (place !== undefined) {
    const root = place.root === undefined ? '/' : rootOf(url, place.root, rules);
    return { kind: 'file', path: await underRoot(url, root, place.path, rules) };
  }
  if (/^https?:/i.test(url) && URL.canParse(url)) return { kind: 'http', url: new URL(urlWithSecrets(url, rules)) };
  throw new IngestError(
    'INVALID_INPUT',
    `${shownUrl(url)}: not a source URL; use file://, root://NAME/path, http:// or https://`,
  );
}

function rootOf(url: string, name: string, rules: SourceRules): string {
  const root = Object.hasOwn(rules.roots, name) ? rules.roots[name] : undefined;
  if (root === undefined) throw denied(url, rules);
  return root;
}

/**
 * A path as a URL spells it, and decoded. Qserv takes paths of file:// as they are (lsst/qserv src/http/Url.cc), everybody else, plans
 * of campaigns among them, encodes what is special: what lies there by the first spelling is meant by it.
 */
function spellings(path: string): string[] {
  try {
    const decoded = decodeURIComponent(path);
    return decoded === path ? [path] : [path, decoded];
  } catch {
    return [path];
  }
}

async function underRoot(url: string, folder: string, asked: string, rules: SourceRules): Promise<string> {
  const roots = Object.values(rules.roots).map((root) => path.resolve(root));
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  let missing: unknown;
  for (const spelled of spellings(path.posix.normalize(asked))) {
    const file = path.join(folder, spelled);
    // Refused by its spelling first, so that nothing is learned about files outside the roots.
    if (![...roots, ...real].some((root) => within(root, file))) throw denied(url, rules);
    let target: string;
    try {
      target = await realpath(file);
    } catch (error) {
      missing = brokenFile(url, error);
      continue;
    }
    if (!real.some((root) => within(root, target))) throw denied(url, rules);
    return target;
  }
  throw missing;
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
