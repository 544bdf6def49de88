import type { Migration } from '../migrate';

/**
 * Which table it was: what is committed stands in the table that was created at that time (ms since the Unix epoch), not in one
 * of the same name that came after it.
 */
export const tableIdentity: Migration = {
  number: 4,
  name: 'table identity',
  statements: `
-- Names of the plan's tables and when they were created, once they are registered.
ALTER TABLE campaign.plan ADD COLUMN registered jsonb;
ALTER TABLE campaign.committed ADD COLUMN table_created bigint;
`,
};
