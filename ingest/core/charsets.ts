import { IngestError } from './errors';

/**
 * MariaDB's character sets (SHOW CHARACTER SET, 10.11) without those whose characters are wider than a byte throughout, which LOAD
 * DATA does not take: ucs2, utf16, utf16le, utf32.
 */
const LOAD_CHARSETS: ReadonlySet<string> = new Set([
  ...[
    'armscii8',
    'ascii',
    'big5',
    'binary',
    'cp1250',
    'cp1251',
    'cp1256',
    'cp1257',
    'cp850',
    'cp852',
    'cp866',
    'cp932',
  ],
  ...['dec8', 'eucjpms', 'euckr', 'gb2312', 'gbk', 'geostd8', 'greek', 'hebrew', 'hp8', 'keybcs2', 'koi8r', 'koi8u'],
  ...['latin1', 'latin2', 'latin5', 'latin7', 'macce', 'macroman', 'sjis', 'swe7', 'tis620', 'ujis'],
  ...['utf8', 'utf8mb3', 'utf8mb4'],
]);

/** Whether a file may be in this character set. */
export function isLoadCharset(name: string): boolean {
  return LOAD_CHARSETS.has(name.toLowerCase());
}

/**
 * The character set of a file, in lower case; '' stays '', the worker's default. It is checked against the list before it reaches
 * any SQL. Errors: INVALID_INPUT with MariaDB's words; `details.field` is 'charset'.
 */
export function loadCharset(name: string): string {
  if (name !== '' && !isLoadCharset(name)) {
    throw new IngestError('INVALID_INPUT', `Unknown character set: '${name.slice(0, 64)}'`, { field: 'charset' });
  }
  return name.toLowerCase();
}
