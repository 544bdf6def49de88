import type { Migration } from '../migrate';

/** A table whose deletion was begun takes no rows any more, and nothing else but to be deleted: some of it may be gone. */
export const tableDeletions: Migration = {
  number: 10,
  name: 'table-deletions',
  statements: `
ALTER TABLE qserv.config_database_table ADD COLUMN being_deleted boolean NOT NULL DEFAULT false;
`,
};
