import { z } from 'zod';

/** JSON bodies of Qserv's services, coerced as real servers do, docs/contract/README.md §3. */

/** int and uint: numbers and booleans; fractions are truncated. */
export const int = z.union([z.number(), z.boolean().transform(Number)]).transform((value) => Math.trunc(value));
/** As `int`; 0 is off, everything else on. */
export const flag = int.transform((value) => value !== 0);
export const real = z.number();
