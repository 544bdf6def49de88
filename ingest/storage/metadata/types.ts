/** How values of columns and parameters are written and read, as far as the driver does not know. */

/** An array's text. Elements are never arrays. */
function readArray(text: string): (string | null)[] {
  const elements = text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g);
  return [...elements].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1');
    return bare === 'NULL' ? null : (bare ?? '');
  });
}

function writeArray(values: unknown[]): string {
  const elements = values.map((value) => (value === null ? 'NULL' : `"${String(value).replace(/["\\]/g, '\\$&')}"`));
  return `{${elements.join(',')}}`;
}

const numbers = (text: string) => readArray(text).map((element) => (element === null ? null : Number(element)));

/** By PostgreSQL's numbers of the types. */
export const TYPES = {
  /** Milliseconds, bytes and row counts: all of them below 2^53. */
  bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: (text: string) => Number(text) },
  texts: { to: 1009, from: [1009, 1015], serialize: writeArray, parse: readArray },
  integers: { to: 1007, from: [1007], serialize: writeArray, parse: numbers },
  bigints: { to: 1016, from: [1016], serialize: writeArray, parse: numbers },
};

export type Types = { bigint: number };
