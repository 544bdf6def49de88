import type { Migration } from '../migrate';

/**
 * Claims, plans and the provenance ledger of campaigns (ingest/campaign/ledger.ts). Nothing here refers to the contract's
 * records: it outlives tables and databases. Columns `tbl` and `rows` hold base table names and row counts.
 */
export const campaigns: Migration = {
  number: 3,
  name: 'campaigns',
  statements: `
CREATE SCHEMA campaign;

CREATE TABLE campaign.claim (
  target text NOT NULL,
  database text NOT NULL,
  workflow_id text NOT NULL,
  first_run_id text NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (target, database)
);

CREATE TABLE campaign.plan (
  plan_id text PRIMARY KEY,
  target text NOT NULL,
  database text NOT NULL,
  summary jsonb NOT NULL,
  database_definition jsonb NOT NULL,
  tables jsonb NOT NULL,
  quality text NOT NULL,
  max_num_warnings integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX plan_database ON campaign.plan (target, database);

CREATE TABLE campaign.unit (
  plan_id text NOT NULL REFERENCES campaign.plan ON DELETE CASCADE,
  unit integer NOT NULL,
  seq integer NOT NULL,
  tbl text NOT NULL,
  chunk bigint NOT NULL,
  overlap boolean NOT NULL,
  every_worker boolean NOT NULL,
  bytes bigint NOT NULL,
  sources jsonb NOT NULL,
  fingerprint text NOT NULL,
  PRIMARY KEY (plan_id, unit)
);
CREATE INDEX unit_seq ON campaign.unit (plan_id, seq);

-- A unit on one worker. The worker is '' while a unit is held without one.
CREATE TABLE campaign.placement (
  plan_id text NOT NULL,
  unit integer NOT NULL,
  worker text NOT NULL,
  seq integer NOT NULL,
  transaction_id bigint,
  state text NOT NULL CHECK (state IN ('planned', 'loaded', 'committed', 'held', 'skipped')),
  rows bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  error_code text,
  error_message text,
  PRIMARY KEY (plan_id, unit, worker),
  FOREIGN KEY (plan_id, unit) REFERENCES campaign.unit ON DELETE CASCADE
);
CREATE INDEX placement_seq ON campaign.placement (plan_id, seq, state);
CREATE INDEX placement_transaction ON campaign.placement (plan_id, transaction_id);
CREATE INDEX placement_loaded ON campaign.placement (plan_id, transaction_id) WHERE state = 'loaded';
CREATE INDEX placement_held ON campaign.placement (plan_id) WHERE state = 'held';

-- Super-transactions that worked on a planned one, in order of ids.
CREATE TABLE campaign.transaction (
  plan_id text NOT NULL REFERENCES campaign.plan ON DELETE CASCADE,
  seq integer NOT NULL,
  transaction_id bigint NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  outcome text CHECK (outcome IN ('committed', 'aborted')),
  ended_at timestamptz,
  PRIMARY KEY (plan_id, seq, transaction_id)
);

-- Provenance: one row for each file of each load that was recorded, whatever became of it.
CREATE TABLE campaign.contribution (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plan_id text NOT NULL,
  unit integer NOT NULL,
  target text NOT NULL,
  database text NOT NULL,
  tbl text NOT NULL,
  chunk bigint NOT NULL,
  overlap boolean NOT NULL,
  worker text NOT NULL,
  transaction_id bigint NOT NULL,
  contribution_id bigint NOT NULL,
  url text NOT NULL,
  status text NOT NULL,
  sha256 text NOT NULL,
  bytes bigint NOT NULL,
  rows bigint NOT NULL,
  rows_loaded bigint NOT NULL,
  num_warnings bigint NOT NULL,
  warnings jsonb NOT NULL,
  tries integer NOT NULL,
  outcome text NOT NULL DEFAULT 'loaded' CHECK (outcome IN ('loaded', 'committed', 'aborted', 'discarded')),
  loaded_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX contribution_place ON campaign.contribution (plan_id, unit, worker);
CREATE INDEX contribution_transaction ON campaign.contribution (plan_id, transaction_id);
CREATE INDEX contribution_database ON campaign.contribution (target, database, tbl, chunk);

-- What stands in the final tables now; rows go when tables are deleted.
CREATE TABLE campaign.committed (
  target text NOT NULL,
  database text NOT NULL,
  tbl text NOT NULL,
  chunk bigint NOT NULL,
  overlap boolean NOT NULL,
  worker text NOT NULL,
  fingerprint text NOT NULL,
  plan_id text NOT NULL,
  unit integer NOT NULL,
  transaction_id bigint NOT NULL,
  rows bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (target, database, tbl, chunk, overlap, worker)
);
`,
};
