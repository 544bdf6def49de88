/**
 * A URL as errors and logs may show it: without user, password and query, where credentials and signatures travel. Also what was
 * meant to be one. In paths of files, `?` and `#` are ordinary characters.
 */
export function shownUrl(url: string): string {
  if (/^(file|root):/i.test(url)) return url;
  if (!/^https?:/i.test(url) || !URL.canParse(url)) {
    return url.replace(/[?#].*$/s, '?…').replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
  }
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  const query = parsed.search === '' ? '' : '?…';
  parsed.search = '';
  parsed.hash = '';
  return parsed.href + query;
}
