import type { Migration } from '../migrate';

/**
 * Qserv's records, docs/contract/storage.md §5; tables and columns are spelled as in lsst/qserv
 * python/lsst/qserv/schema/migrations/repl. Times are milliseconds since the Unix epoch, 0 = not reached.
 * Beyond the contract: `transaction.token` (idempotent begin) and the case-insensitive unique indexes, because Qserv
 * compares names without case at query time.
 */
export const records: Migration = {
  number: 1,
  name: 'records',
  statements: `
CREATE SCHEMA qserv;

CREATE TABLE qserv."QMetadata" (metakey text PRIMARY KEY, value text NOT NULL);
INSERT INTO qserv."QMetadata" VALUES ('version', '15');

CREATE TABLE qserv.config_worker (
  name text PRIMARY KEY,
  is_enabled boolean NOT NULL,
  is_read_only boolean NOT NULL
);

CREATE TABLE qserv.config_database_family (
  name text PRIMARY KEY,
  min_replication_level integer NOT NULL,
  num_stripes integer NOT NULL,
  num_sub_stripes integer NOT NULL,
  overlap double precision NOT NULL
);

CREATE TABLE qserv.config_database (
  database text PRIMARY KEY,
  family_name text NOT NULL REFERENCES qserv.config_database_family ON DELETE CASCADE ON UPDATE CASCADE,
  is_published boolean NOT NULL DEFAULT false,
  create_time bigint NOT NULL DEFAULT 0,
  publish_time bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX config_database_caseless ON qserv.config_database (lower(database));

CREATE TABLE qserv.config_database_table (
  database text NOT NULL REFERENCES qserv.config_database ON DELETE CASCADE ON UPDATE CASCADE,
  "table" text NOT NULL,
  is_partitioned boolean NOT NULL,
  director_table text NOT NULL DEFAULT '',
  director_key text NOT NULL DEFAULT '',
  director_table2 text NOT NULL DEFAULT '',
  director_key2 text NOT NULL DEFAULT '',
  flag text NOT NULL DEFAULT '',
  ang_sep double precision NOT NULL DEFAULT 0,
  unique_primary_key boolean NOT NULL DEFAULT true,
  charset_name text NOT NULL DEFAULT '',
  collation_name text NOT NULL DEFAULT '',
  latitude_key text NOT NULL DEFAULT '',
  longitude_key text NOT NULL DEFAULT '',
  is_published boolean NOT NULL DEFAULT false,
  create_time bigint NOT NULL DEFAULT 0,
  publish_time bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (database, "table")
);
CREATE UNIQUE INDEX config_database_table_caseless ON qserv.config_database_table (database, lower("table"));

CREATE TABLE qserv.config_database_table_schema (
  database text NOT NULL,
  "table" text NOT NULL,
  col_position integer NOT NULL,
  col_name text NOT NULL,
  col_type varchar(255) NOT NULL,
  UNIQUE (database, "table", col_position),
  UNIQUE (database, "table", col_name),
  FOREIGN KEY (database, "table") REFERENCES qserv.config_database_table ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE qserv.replica (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  worker text NOT NULL REFERENCES qserv.config_worker ON DELETE CASCADE ON UPDATE CASCADE,
  database text NOT NULL REFERENCES qserv.config_database ON DELETE CASCADE ON UPDATE CASCADE,
  chunk integer NOT NULL CHECK (chunk >= 0),
  verify_time bigint NOT NULL,
  UNIQUE (worker, database, chunk)
);
CREATE INDEX replica_place ON qserv.replica (database, chunk);

CREATE TABLE qserv.replica_file (
  replica_id integer NOT NULL REFERENCES qserv.replica ON DELETE CASCADE,
  name text NOT NULL,
  size bigint NOT NULL,
  mtime bigint NOT NULL,
  cs text NOT NULL,
  begin_create_time bigint NOT NULL,
  end_create_time bigint NOT NULL,
  PRIMARY KEY (replica_id, name)
);

CREATE TABLE qserv.transaction (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  database text NOT NULL REFERENCES qserv.config_database ON DELETE CASCADE ON UPDATE CASCADE,
  state text NOT NULL CHECK (state IN ('IS_STARTING', 'STARTED', 'IS_FINISHING', 'IS_ABORTING', 'FINISHED', 'ABORTED',
    'START_FAILED', 'FINISH_FAILED', 'ABORT_FAILED')),
  begin_time bigint NOT NULL,
  start_time bigint NOT NULL DEFAULT 0,
  transition_time bigint NOT NULL DEFAULT 0,
  end_time bigint NOT NULL DEFAULT 0,
  context json NOT NULL DEFAULT '{}',
  token text
);
CREATE INDEX transaction_database ON qserv.transaction (database, state);
CREATE UNIQUE INDEX transaction_token ON qserv.transaction (database, token) WHERE state NOT IN ('FINISHED', 'ABORTED');

CREATE TABLE qserv.transaction_log (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id integer NOT NULL REFERENCES qserv.transaction ON DELETE CASCADE,
  transaction_state text NOT NULL,
  time bigint NOT NULL,
  name text NOT NULL,
  data json NOT NULL DEFAULT '{}'
);
CREATE INDEX transaction_log_transaction ON qserv.transaction_log (transaction_id, id);

CREATE TABLE qserv.transaction_contrib (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id integer NOT NULL REFERENCES qserv.transaction ON DELETE CASCADE,
  worker text NOT NULL REFERENCES qserv.config_worker ON DELETE CASCADE ON UPDATE CASCADE,
  database text NOT NULL,
  "table" text NOT NULL,
  chunk bigint NOT NULL,
  is_overlap boolean NOT NULL,
  url text NOT NULL,
  type text NOT NULL DEFAULT 'SYNC' CHECK (type IN ('SYNC', 'ASYNC')),
  max_retries integer NOT NULL DEFAULT 0,
  num_failed_retries integer NOT NULL DEFAULT 0,
  num_bytes bigint NOT NULL DEFAULT 0,
  num_rows bigint NOT NULL DEFAULT 0,
  create_time bigint NOT NULL DEFAULT 0,
  start_time bigint NOT NULL DEFAULT 0,
  read_time bigint NOT NULL DEFAULT 0,
  load_time bigint NOT NULL DEFAULT 0,
  status text NOT NULL DEFAULT 'IN_PROGRESS' CHECK (status IN ('IN_PROGRESS', 'CREATE_FAILED', 'START_FAILED',
    'READ_FAILED', 'LOAD_FAILED', 'CANCELLED', 'FINISHED')),
  tmp_file text NOT NULL DEFAULT '',
  num_warnings integer NOT NULL DEFAULT 0,
  num_rows_loaded bigint NOT NULL DEFAULT 0,
  http_error integer NOT NULL DEFAULT 0,
  system_error integer NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  retry_allowed boolean NOT NULL DEFAULT false,
  FOREIGN KEY (database, "table") REFERENCES qserv.config_database_table ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX transaction_contrib_transaction ON qserv.transaction_contrib (transaction_id);
CREATE INDEX transaction_contrib_table ON qserv.transaction_contrib (database, "table");

CREATE TABLE qserv.transaction_contrib_ext (
  contrib_id integer NOT NULL REFERENCES qserv.transaction_contrib ON DELETE CASCADE,
  key text NOT NULL,
  val text NOT NULL
);
CREATE INDEX transaction_contrib_ext_contrib ON qserv.transaction_contrib_ext (contrib_id);

CREATE TABLE qserv.transaction_contrib_warn (
  contrib_id integer NOT NULL REFERENCES qserv.transaction_contrib ON DELETE CASCADE,
  pos integer NOT NULL,
  level text NOT NULL,
  code integer NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (contrib_id, pos)
);

CREATE TABLE qserv.transaction_contrib_retry (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  contrib_id integer NOT NULL REFERENCES qserv.transaction_contrib ON DELETE CASCADE,
  num_bytes bigint NOT NULL DEFAULT 0,
  num_rows bigint NOT NULL DEFAULT 0,
  start_time bigint NOT NULL DEFAULT 0,
  read_time bigint NOT NULL DEFAULT 0,
  tmp_file text NOT NULL DEFAULT '',
  http_error integer NOT NULL DEFAULT 0,
  system_error integer NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT ''
);
CREATE INDEX transaction_contrib_retry_contrib ON qserv.transaction_contrib_retry (contrib_id);

CREATE TABLE qserv.database_ingest (
  database text NOT NULL REFERENCES qserv.config_database ON DELETE CASCADE ON UPDATE CASCADE,
  category text NOT NULL,
  param text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (database, category, param)
);

CREATE TABLE qserv.stats_table_rows (
  database text NOT NULL,
  "table" text NOT NULL,
  transaction_id integer REFERENCES qserv.transaction ON DELETE CASCADE,
  chunk bigint NOT NULL,
  is_overlap boolean NOT NULL,
  num_rows bigint NOT NULL DEFAULT 0,
  update_time bigint NOT NULL DEFAULT 0,
  UNIQUE NULLS NOT DISTINCT (database, "table", transaction_id, chunk, is_overlap),
  FOREIGN KEY (database, "table") REFERENCES qserv.config_database_table ON DELETE CASCADE ON UPDATE CASCADE
);
`,
};
