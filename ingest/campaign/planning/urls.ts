import { IngestError } from '../../core/errors';
import { shownUrl } from '../../source';

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/**
 * The absolute form of a URL, or of a path relative to `base`. Under file:// and root:// bases the text is a plain path, whose
 * special characters are encoded; under http(s):// it is a URL reference. Errors: INVALID_INPUT.
 */
export function absoluteUrl(text: string, base: string | undefined): string {
  const url = ABSOLUTE.test(text) ? text : relativeUrl(text, base);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw new IngestError('INVALID_INPUT', `'${shownUrl(text)}' is not a URL`);
  // Plans and histories keep URLs for ever.
  if (parsed.username !== '' || parsed.password !== '') {
    throw new IngestError(
      'INVALID_INPUT',
      `a URL must not hold a user or a password; use http.headers with \${env:NAME}`,
    );
  }
  return url;
}

function relativeUrl(text: string, base: string | undefined): string {
  if (base === undefined) {
    throw new IngestError(
      'INVALID_INPUT',
      `'${shownUrl(text)}' is relative, and the input has no "base"; give a whole URL or a base`,
    );
  }
  const folder = base.endsWith('/') ? base : `${base}/`;
  const reference = /^https?:/i.test(base) ? text : encodePath(text);
  if (!URL.canParse(reference, folder))
    throw new IngestError('INVALID_INPUT', `'${shownUrl(text)}' does not fit to ${shownUrl(folder)}`);
  return new URL(reference, folder).href;
}

/** A plain path as part of a URL. */
function encodePath(path: string): string {
  return encodeURI(path).replace(/[?#]/g, (c) => encodeURIComponent(c));
}

/** The URL of something below a folder's URL. */
export function below(folder: string, relative: string): string {
  return `${folder.endsWith('/') ? folder : `${folder}/`}${encodePath(relative)}`;
}
