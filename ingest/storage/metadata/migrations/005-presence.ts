import type { Migration } from '../migrate';

/**
 * Which ingest workers are there, so that a busy one is not taken for an absent one; and how often loading a unit failed in
 * its super-transaction, not counting the times when a database was away.
 */
export const presence: Migration = {
  number: 5,
  name: 'presence',
  statements: `
CREATE TABLE campaign.ingest_worker (
  name text PRIMARY KEY,
  seen_at timestamptz NOT NULL
);
ALTER TABLE campaign.placement ADD COLUMN failures integer NOT NULL DEFAULT 0;
`,
};
