import type { Migration } from '../migrate';

/**
 * The next version of a published table is a table of its own until publish puts it in the other's place. `hidden_at` and `shown_at`
 * (ms since the epoch, 0 = not yet) say when the table was out of sight for that: they outlive the process that does it.
 */
export const replacements: Migration = {
  number: 6,
  name: 'replacements',
  statements: `
ALTER TABLE qserv.config_database_table
  ADD COLUMN replaces text NOT NULL DEFAULT '',
  ADD COLUMN hidden_at bigint NOT NULL DEFAULT 0,
  ADD COLUMN shown_at bigint NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX config_database_table_replaces ON qserv.config_database_table (database, replaces) WHERE replaces <> '';
`,
};
