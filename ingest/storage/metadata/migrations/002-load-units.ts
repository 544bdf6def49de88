import type { Migration } from '../migrate';

/**
 * Load units, docs/design.md §4: who may attach a partition, what is being attached, what was loaded.
 * `token` belongs to the current attempt; NULL when there is none or the super-transaction was ended.
 * `request` is a hash of what is to be loaded: an equal second request is answered by the record.
 * `attaching` is what an attempt noted before it attached (AttachNote); `record` what is attached (UnitRecord).
 */
export const loadUnits: Migration = {
  number: 2,
  name: 'load-units',
  statements: `
CREATE TABLE qserv.load_unit (
  transaction_id integer NOT NULL REFERENCES qserv.transaction ON DELETE CASCADE,
  worker text NOT NULL,
  database text NOT NULL,
  "table" text NOT NULL,
  chunk bigint NOT NULL,
  is_overlap boolean NOT NULL,
  request text NOT NULL,
  contributions integer[] NOT NULL DEFAULT '{}',
  attempts integer NOT NULL DEFAULT 1,
  token text,
  staging text,
  attaching json,
  record json,
  PRIMARY KEY (transaction_id, worker, database, "table", chunk, is_overlap),
  FOREIGN KEY (database, "table") REFERENCES qserv.config_database_table ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX load_unit_table ON qserv.load_unit (database, "table");
`,
};
