import { type ErrorCode, IngestError } from '../core/errors';
import { filePlace, maskedText, shownUrl } from '../core/shown-url';

export { filePlace, maskedText, shownUrl };

/** A failure of one source; the message begins with its URL. */
export function sourceError(
  code: ErrorCode,
  url: string,
  what: string,
  details: Record<string, unknown> = {},
): IngestError {
  return new IngestError(code, `${shownUrl(url)}: ${what}`, { url: shownUrl(url), ...details });
}

/** Node's codes for a host whose name is wrong and a certificate that does not hold. */
const LASTING =
  /^(ENOTFOUND$|CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH)/;

/** True for a broken connection that trying again does not mend. */
export function isLasting({ code, details }: IngestError): boolean {
  return code === 'SOURCE_BROKEN' && typeof details.cause === 'string' && LASTING.test(details.cause);
}

/** The source broke off in a way that may pass. */
export function broken(url: string, what: string, details: Record<string, unknown> = {}): IngestError {
  return sourceError('SOURCE_BROKEN', url, what, details);
}

/** The C library's words, which Qserv's workers report. */
const STRERROR: Record<string, string> = {
  EACCES: 'Permission denied',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENFILE: 'Too many open files in system',
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EPERM: 'Operation not permitted',
};

/** A file's system error as SOURCE_MISSING (not there), SOURCE_DENIED (not readable) or SOURCE_BROKEN. */
export function brokenFile(url: string, error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  const { code = '', errno, message } = error as NodeJS.ErrnoException;
  const said = STRERROR[code];
  const details = {
    systemError: errno === undefined ? 0 : Math.abs(errno),
    ...(said === undefined ? {} : { said }),
  };
  // A name that is too long, or holds a NUL, is no file's.
  if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(code))
    return sourceError('SOURCE_MISSING', url, 'there is no such file', details);
  if (code === 'EACCES' || code === 'EPERM')
    return sourceError('SOURCE_DENIED', url, 'the file is not readable', details);
  return broken(url, message, details);
}
