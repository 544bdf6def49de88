import { z } from 'zod';
import { fitsUint } from './fields';

/**
 * Fields of query strings and of multipart forms, docs/contract/README.md §3. A fault's message is the name of what a real server
 * calls; api/qserv/faults.ts makes the whole text of it.
 */

const BOOLEAN = /^(true|false)$/i;

/** Decimal text; garbage is refused. */
const decimal = (call: string) =>
  z
    .string({ error: 'requiredUInt64' })
    .regex(/^\s*[-+]?\d+/, call)
    .transform((text) => Number.parseInt(text, 10));

/** 32 bits. */
export const queryInt = decimal('stoi').refine((value) => value === (value | 0), 'stoi');
/** 32 bits; negative values wrap. Larger ones are refused: here and in paths real servers take them for other numbers. */
export const queryUint = decimal('stoull')
  .refine(fitsUint, 'stoull')
  .transform((value) => value >>> 0);
/** 0 is off. */
export const queryFlag = queryUint.transform((value) => value !== 0);
export const queryString = z.string({ error: 'requiredString' });
/** One that must be there: an empty one is as good as none. */
export const queryRequired = queryString.min(1, 'requiredString');
/** true or false in any case, or a number. */
export const queryBool = z
  .string({ error: 'requiredBool' })
  .regex(/^(true|false|\s*[-+]?\d+)$/i, 'stoull')
  .transform((text) => (BOOLEAN.test(text) ? text.toLowerCase() === 'true' : Number.parseInt(text, 10) !== 0));

/** Number in a path. */
export const pathId = z
  .string()
  .regex(/^\s*[-+]?\d+/, 'stoul')
  .transform((text) => Number.parseInt(text, 10))
  .refine(fitsUint, 'stoul')
  .transform((value) => value >>> 0);
export const pathName = z.string();
