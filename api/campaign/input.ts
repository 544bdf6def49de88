import { z } from 'zod';
import { type InputFault, invalidInput } from '../../ingest/core/errors';
import { contributions } from './contributions';
import { inputFaults } from './faults';
import { finish, scanRating, tableIndexes } from './finishing';

/**
 * The campaign's input: one JSON object, the only argument of the workflow `ingestCampaign`. Registrations of databases and
 * tables keep Qserv's spelling (docs/contract/controller.md §4.1, §5.2); everything else is ours. examples/campaign.schema.json
 * is generated from here.
 */

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'use letters, digits, "_", "-" and "."');
const MONTH = 30 * 24 * 3600;
const seconds = z.number().positive().max(MONTH);
const count = z.number().int().min(1);

export const reference = z
  .strictObject({ $ref: z.string().min(1).describe('URL of a JSON file, or its path relative to `base`.') })
  .describe('Stands for the JSON object in another file.');

/** Qserv's registrations are checked when references are read, ingest/campaign/planning/catalog.ts. */
const registration = () =>
  z
    .record(z.string(), z.unknown())
    .refine((value) => !('$ref' in value), { path: ['$ref'], message: 'stands for the whole object', abort: true });
export const databaseRegistration = registration();
export const tableRegistration = registration();

export const campaignTable = z
  .strictObject({
    definition: z
      .union([reference, tableRegistration])
      .describe(
        "The table as Qserv's POST /ingest/table takes it (table, is_partitioned, schema, director_table, director_key, …; " +
          '`database` may be left out), or {"$ref": "table_Object.json"}.',
      ),
    contributions: z
      .array(contributions)
      .default([])
      .describe('Groups of files with the rows of this table. Without any, the table is registered and stays empty.'),
    indexes: tableIndexes,
    scanRating,
  })
  .describe('One table of the catalog.');

export const waits = z
  .strictObject({
    heartbeatSeconds: seconds
      .min(1)
      .default(30)
      .describe('An activity that is silent for longer counts as dead and is tried again.'),
    planSeconds: seconds.default(24 * 3600).describe('Longest time that reading and checking the input may take.'),
    batchSeconds: seconds.default(12 * 3600).describe('Longest time that one batch of files may take to load.'),
    controlSeconds: seconds.default(24 * 3600).describe('Longest time of a commit, an abort or a publish.'),
    workerAwaySeconds: seconds.default(600).describe('After so long without its ingest worker, a batch is held.'),
    retryFirstSeconds: seconds
      .default(1)
      .describe('Pause before the second attempt of an activity; doubles with each.'),
    retryMaximumSeconds: seconds.default(60).describe('Longest pause between two attempts.'),
    progressSeconds: seconds.default(5).describe('How often the live details are brought up to date.'),
  })
  .describe('Waits, in seconds.');

export const base = z
  .string()
  .regex(/^(file|root|https?):\/\//, 'use a URL: file:///…/, root://NAME/…, or http(s)://…');
export const quality = z.enum(['strict', 'lenient']);
export const maxNumWarnings = z.number().int().min(0).max(65535);
export const transactionBytes = z.number().int().min(1);
export const requestId = z.string().min(1).max(200);

export const campaignInput = z
  .strictObject({
    $schema: z.string().optional().describe('For editors; ignored.'),
    target: name
      .optional()
      .describe('Name of a target in the configuration of the workers. Default: its defaultTarget.'),
    owner: z
      .string()
      .max(200)
      .optional()
      .describe('Who answers for the campaign; shown and searchable (CampaignOwner).'),
    base: base
      .optional()
      .describe(
        'URL of the folder that relative paths start from, e.g. root://catalogs/test101/. The command line fills in the folder ' +
          'of the campaign file.',
      ),
    database: z
      .union([reference, databaseRegistration])
      .describe(
        "The database as Qserv's POST /ingest/database takes it (database, num_stripes, num_sub_stripes, overlap, …), or " +
          '{"$ref": "database.json"}.',
      ),
    adopt: z
      .boolean()
      .default(false)
      .describe(
        'Take over a database that is published already: nothing is loaded, `tables` is empty, and the campaign waits for ' +
          'republish. Default: false.',
      ),
    tables: z
      .array(campaignTable)
      .describe('The tables, in any order; at least one, unless the campaign adopts a published database.'),
    finish: finish.prefault({}),
    quality: quality
      .default('strict')
      .describe(
        'strict: a row that MySQL takes only with a warning fails its file. lenient: warnings are counted and kept.',
      ),
    maxNumWarnings: maxNumWarnings
      .default(64)
      .describe('How many warnings are kept for each file; 0 = the default of the worker.'),
    keepOpen: z
      .boolean()
      .default(true)
      .describe(
        'Stay open after publishing, at no cost, until the signal `close`. false: the workflow ends when published.',
      ),
    onFailure: z
      .enum(['hold', 'abort'])
      .default('hold')
      .describe('When files still fail: hold them, load the rest and wait for retry, skip or abort; or abort at once.'),
    rollback: z
      .enum(['open', 'all'])
      .default('open')
      .describe('What a cancel or an abort undoes: open super-transactions only, or the unpublished tables as well.'),
    transactionBytes: transactionBytes
      .optional()
      .describe(
        'About how many bytes of files go into one super-transaction. Default: 64 GiB, 1 GiB on a remote target; more where the database would otherwise ' +
          'need more than 80 of them.',
      ),
    batch: z
      .strictObject({
        units: count.max(1000).default(40).describe('At most so many chunk tables.'),
        bytes: count.default(64 * 2 ** 20).describe('At most so many bytes, if it is more than one chunk table.'),
      })
      .prefault({})
      .describe('How much one activity loads.'),
    parallel: z
      .strictObject({
        transactions: count.max(50).default(4).describe('Super-transactions at a time.'),
        batchesPerWorker: count
          .max(100)
          .default(2)
          .describe('Batches at a time on each worker, per super-transaction.'),
      })
      .prefault({})
      .describe('How much is done at the same time.'),
    attempts: z
      .strictObject({
        batch: count.max(100).default(5).describe('Attempts of a batch before its failing files are held.'),
        transaction: count.max(20).default(3).describe('How often a super-transaction is begun anew after an abort.'),
      })
      .prefault({})
      .describe('How often something is tried.'),
    waits: waits.prefault({}),
    requestId: requestId
      .optional()
      .describe('Your own id of this request; kept with the plan and in the context of every super-transaction.'),
  })
  .superRefine(({ adopt, tables }, context) => {
    const fault = (message: string) => context.addIssue({ code: 'custom', path: ['tables'], message });
    if (adopt && tables.length > 0) {
      fault('must be empty, since the campaign adopts a published database; add tables by republish');
    }
    if (!adopt && tables.length === 0) fault('a campaign needs at least one table');
  })
  .describe('A campaign: a catalog, where its files are, and how they are loaded and published.');

/** What a caller writes. */
export type CampaignInput = z.input<typeof campaignInput>;
/** With defaults filled in. */
export type Campaign = z.output<typeof campaignInput>;
export type CampaignTable = z.output<typeof campaignTable>;

/** The parsed campaign, or the list of everything that is wrong with its shape. */
export function checkCampaignInput(
  input: unknown,
): { campaign: Campaign; faults: [] } | { campaign?: never; faults: InputFault[] } {
  const result = campaignInput.safeParse(input);
  if (result.success) return { campaign: result.data, faults: [] };
  return { faults: inputFaults(result.error.issues) };
}

/** Parses a campaign's input. Errors: INVALID_INPUT with every fault by its path. */
export function parseCampaignInput(input: unknown): Campaign {
  const { campaign, faults } = checkCampaignInput(input);
  if (campaign === undefined) throw invalidInput('the campaign input is not valid', faults);
  return campaign;
}
