import { z } from 'zod';

/** Fields of JSON bodies of Qserv's services, coerced as real servers do, docs/contract/README.md §3. */

const whole = z.union([z.number(), z.boolean().transform(Number)]).transform((value) => Math.trunc(value));
/** A deviation from real servers: there it would be another number, and the request would change what was not meant. */
const beyond = (type: string) => ({
  error: ({ input }: { input?: unknown }) => `[P] the number ${input} is beyond ${type}`,
});

/** int, 32 bits: numbers and booleans; fractions are truncated. */
export const int = whole.refine((value) => value === (value | 0), beyond('a signed integer of 32 bits'));
/** uint, 32 bits: as `int`; negative values wrap. */
export const uint = whole.refine(fitsUint, beyond('an unsigned integer of 32 bits')).transform((value) => value >>> 0);
/** As `int`; 0 is off, everything else on. */
export const flag = whole.transform((value) => value !== 0);
/** real, uint64: numbers alone. */
export const real = z.number();
/** long: as `real`; fractions are truncated. */
export const long = real
  .transform((value) => Math.trunc(value))
  .refine((value) => Number.isSafeInteger(value), beyond('an integer that this service can keep'));

/** Whether a whole number is one of 32 bits, or a negative one that wraps. */
export function fitsUint(value: number): boolean {
  return value >= -(2 ** 31) && value < 2 ** 32;
}

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
