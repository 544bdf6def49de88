import { z } from 'zod';
import { invalidInput } from '../../ingest/core/errors';
import type { TableKindName } from '../../ingest/core/tables';
import { inputFaults } from './faults';
import { keyReference } from './republish';

/** The input of the workflow `deleteCatalog`: one JSON object. What people start from the Temporal UI confirms itself, too. */

const text = z.string().min(1);

export const deletionInput = z
  .strictObject({
    target: text
      .optional()
      .describe('Name of a target in the configuration of the workers. Default: its defaultTarget.'),
    database: text.describe('The database.'),
    tables: z
      .array(text)
      .min(1, 'name at least one table, or leave `tables` out to delete the whole database')
      .optional()
      .describe('Only these of its tables; the order does not matter. Without it the whole database is deleted.'),
    confirm: text.describe("The database's name once more: what is deleted is gone."),
    adminKey: keyReference
      .optional()
      .describe(
        `The administrator's key of the target, as a reference: \${env:NAME}, where NAME is an environment variable of the workers ` +
          'that their configuration lists under `keys`. Needed when the database, or one of the tables, is published.',
      ),
  })
  .refine(({ database, confirm }) => database === confirm, {
    path: ['confirm'],
    message: "repeat the database's name here: nothing is deleted without that",
  });

export type DeletionInput = z.output<typeof deletionInput>;

/** A table that is, or was, deleted. */
export interface DeletedTable {
  table: string;
  kind: TableKindName;
  /** What campaigns loaded into it, counted once where several workers hold the same; 0 for what others loaded. Bytes as loaded, not compressed. */
  rows: number;
  bytes: number;
}

/** What `deleteCatalog` returns. */
export interface DeletionReport {
  workflowId: string;
  target: string;
  database: string;
  /** The database itself is gone, not only tables of it. */
  whole: boolean;
  tables: DeletedTable[];
  /** All of it, and super-transactions that were ended for it: a line each. */
  deleted: string[];
}

/** Parses the input. Errors: INVALID_INPUT with every fault by its path. */
export function parseDeletionInput(input: unknown): DeletionInput {
  const result = deletionInput.safeParse(input);
  if (result.success) return result.data;
  throw invalidInput('the input of deleteCatalog is not valid', inputFaults(result.error.issues));
}
