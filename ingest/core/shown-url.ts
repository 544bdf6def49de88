/**
 * A URL as errors and logs may show it: without user, password and query, where credentials and signatures travel. Also what was
 * meant to be one. In paths of files, `?` and `#` are ordinary characters.
 */
export function shownUrl(url: string): string {
  if (/^(file|root):/i.test(url)) return url;
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    return maskedText(url);
  }
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  const query = parsed.search === '' ? '' : '?…';
  parsed.search = '';
  parsed.hash = '';
  return parsed.href + query;
}

/**
 * What a file:// or root://NAME/ URL names, undefined for others. A path is all that follows the host, which means nothing
 * (docs/contract/worker.md §1): `?`, `#` and backslashes are characters of names like others.
 */
export function filePlace(url: string): { root?: string; path: string } | undefined {
  const [, root, ofRoot, ofFile] = /^(?:root:\/\/([^/]*)(\/.*)?|file:(?:\/\/[^/]*)?(\/.*))$/is.exec(url) ?? [];
  if (root !== undefined) return { root, path: ofRoot ?? '/' };
  return ofFile === undefined ? undefined : { path: ofFile };
}

/** What was meant to be a URL, spelled as it is, without what may be secret in it. */
export function maskedText(url: string): string {
  if (/^file:/i.test(url)) return url;
  return url.replace(/[?#].*$/s, '?…').replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
}
