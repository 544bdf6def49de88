import type { Migration } from '../migrate';

/**
 * A change of a published table that not all of its final tables have yet: the statement, the columns before and after it as MariaDB
 * shows them (by which a final table tells whether it has it), and those that the record gets when all have it; see core/pending-alteration.ts.
 */
export const tableAlterations: Migration = {
  number: 9,
  name: 'table-alterations',
  statements: `
CREATE TABLE qserv.table_alteration (
  database text NOT NULL,
  "table" text NOT NULL,
  spec text NOT NULL,
  before jsonb NOT NULL,
  after jsonb NOT NULL,
  columns jsonb NOT NULL,
  undoes boolean NOT NULL,
  mixed boolean NOT NULL,
  PRIMARY KEY (database, "table"),
  FOREIGN KEY (database, "table") REFERENCES qserv.config_database_table ON DELETE CASCADE ON UPDATE CASCADE
);
`,
};
