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

/** What was meant to be a URL, spelled as it is, without what may be secret in it. */
export function maskedText(url: string): string {
  if (/^file:/i.test(url)) return url;
  return url.replace(/[?#].*$/s, '?…').replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
}
