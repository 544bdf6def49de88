import { z } from 'zod';
import type { DialectInput } from '../../../ingest/core/contributions';
import { contributionDescriptor } from '../contribution';
import { flag, uint } from '../fields';

/** Fields that say where rows go, docs/contract/worker.md §1; in the order in which a real server reads them. */
export const targetFields = {
  transaction_id: uint.describe('Super-transaction; it must be STARTED.'),
  table: z.string().describe('Base name of the table.'),
  chunk: uint.describe('Chunk. For regular tables any value, -1 too; recorded as it is (32 bits).'),
  overlap: flag.describe('Not 0: rows of the overlap table. Without meaning for regular tables.'),
};

const CHARSET = "MySQL character set of the input; '' is the worker's default (latin1).";
export const charsetName = z.string().default('').describe(CHARSET);

const escapeName = (values: string) =>
  z.string().default('').describe(`Escape name: ${values}. '' is the default, the first one.`);
/** Of JSON bodies and of forms alike. */
export const dialectFields = {
  fields_terminated_by: escapeName('`\\t` or `,`'),
  fields_enclosed_by: escapeName('`\\0` (none), `\'` or `"`'),
  fields_escaped_by: escapeName('`\\\\`'),
  lines_terminated_by: escapeName('`\\n`'),
};
type DialectFields = Record<keyof typeof dialectFields, string>;

export const toDialectInput = (fields: DialectFields): DialectInput => ({
  fieldsTerminatedBy: fields.fields_terminated_by,
  fieldsEnclosedBy: fields.fields_enclosed_by,
  fieldsEscapedBy: fields.fields_escaped_by,
  linesTerminatedBy: fields.lines_terminated_by,
});
export const fromDialectInput = (dialect: DialectInput): DialectFields => ({
  fields_terminated_by: dialect.fieldsTerminatedBy,
  fields_enclosed_by: dialect.fieldsEnclosedBy,
  fields_escaped_by: dialect.fieldsEscapedBy,
  lines_terminated_by: dialect.linesTerminatedBy,
});

export const WARNINGS = "Warnings kept; 0 is the worker's default (64), at most 65535.";

export const oneContribution = z.object({ contrib: contributionDescriptor });
export const manyContributions = z.object({
  contribs: z.array(contributionDescriptor).describe('Contributions.'),
});
