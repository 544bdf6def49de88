import { z } from 'zod';

/** Fields of JSON bodies of Qserv's services, coerced as real servers do, docs/contract/README.md §3. */

/** int: numbers and booleans; fractions are truncated. */
export const int = z.union([z.number(), z.boolean().transform(Number)]).transform((value) => Math.trunc(value));
/** uint, 32 bits: as `int`; negative values wrap. */
export const uint = int.transform((value) => value >>> 0);
/** As `int`; 0 is off, everything else on. */
export const flag = int.transform((value) => value !== 0);
/** real, uint64: numbers alone. */
export const real = z.number();
/** long: as `real`; fractions are truncated. */
export const long = real.transform((value) => Math.trunc(value));

/**
 * One of these words. `fault` is what a real server says of others; where it is no refusal of its own it begins with its class
 * (api/qserv/faults.ts).
 */
export function oneOf<const T extends string>(words: readonly T[], fault: (value: string) => string) {
  return z
    .string()
    .refine((value) => words.some((word) => word === value), { error: ({ input }) => fault(String(input)) })
    .transform((value) => value as T)
    .meta({ enum: [...words] });
}

/** Flags in replies. */
export const bit = z.union([z.literal(0), z.literal(1)]);
/** Milliseconds since the Unix epoch; 0 = not reached yet. */
export const time = z.number().int();

export const toBit = (value: boolean): 0 | 1 => (value ? 1 : 0);
