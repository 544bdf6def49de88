import { z } from 'zod';
import { type InputFault, invalidInput } from '../../ingest/core/errors';
import { inputFaults } from './faults';
import { finish } from './finishing';
import { base, type CampaignTable, campaignTable, maxNumWarnings, quality, requestId, transactionBytes } from './input';

/**
 * A republish: the one argument of the signal and of the update `republish`. examples/republish.schema.json is generated from
 * here.
 */

/** A key is named by an environment variable of the workers, never written down: requests are kept in histories. */
const KEY_REFERENCE = /^\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** The environment variable that a key's reference names, or undefined. */
export function keyVariable(reference: string): string | undefined {
  return KEY_REFERENCE.exec(reference)?.[1];
}

export const keyReference = z
  .string()
  // The value itself is not repeated: it may be a key, and this message ends up in logs and histories.
  .refine(
    (text) => keyVariable(text) !== undefined,
    `name an environment variable of the workers, as in \${env:ADMIN_KEY}`,
  );

const tables = z.array(campaignTable).default([]);

export const republishRequest = z
  .strictObject({
    $schema: z.string().optional().describe('For editors; ignored.'),
    requestId: requestId
      .optional()
      .describe(
        'Your own id of this request: what comes with the id of an earlier request is that one, and done once.',
      ),
    base: base
      .optional()
      .describe("URL of the folder that relative paths start from, as in a campaign. Default: the campaign's."),
    add: tables.describe('New tables, as in a campaign.'),
    replace: tables.describe(
      'New versions of published tables, of the same kind: their definitions and all their files. Readers see the old rows, a short ' +
        'gap, the new rows.',
    ),
    remove: z.array(z.string().min(1)).default([]).describe('Names of published tables that are to go.'),
    adminKey: keyReference.describe(
      `The administrator's key of the target, as a reference: \${env:NAME}, where NAME is an environment variable of the ` +
        "workers that their configuration lists under `keys`. Its value must be the target's key.",
    ),
    quality: quality.optional().describe("strict or lenient, as in a campaign. Default: the campaign's."),
    maxNumWarnings: maxNumWarnings
      .optional()
      .describe("How many warnings are kept for each file. Default: the campaign's."),
    transactionBytes: transactionBytes
      .optional()
      .describe("About how many bytes of files go into one super-transaction. Default: the campaign's."),
    finish: finish.optional().describe("What is done with the tables after publishing. Default: the campaign's."),
  })
  .superRefine(({ add, replace, remove }, context) => {
    if (add.length + replace.length + remove.length === 0) {
      context.addIssue({
        code: 'custom',
        message: 'there is nothing to do: name tables to add, to replace or to remove',
      });
    }
  })
  .describe('Tables to add, replace and remove in a published database, as one change.');

/** What a caller writes. */
export type RepublishInput = z.input<typeof republishRequest>;
/** With defaults filled in. */
export type RepublishRequest = z.output<typeof republishRequest>;
export type { CampaignTable };

/** Parses a request. Errors: INVALID_INPUT with every fault by its path; one table in two lists is found when planning. */
export function parseRepublishRequest(input: unknown): RepublishRequest {
  const result = republishRequest.safeParse(input);
  if (result.success) return result.data;
  const faults: InputFault[] = inputFaults(result.error.issues);
  throw invalidInput('the republish request is not valid', faults);
}
