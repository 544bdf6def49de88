import type { Migration } from '../migrate';

/**
 * What a plan does to tables that are published already, and how far that has come: facts that a campaign's successor needs to
 * bring a republish to its end. `finishing`: what tables get once they are published.
 */
export const republish: Migration = {
  number: 7,
  name: 'republish',
  statements: `
ALTER TABLE campaign.plan
  ADD COLUMN finishing jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN republish jsonb,
  ADD COLUMN republish_state text CHECK (republish_state IN ('begun', 'finishing', 'done', 'undone'));
CREATE INDEX plan_republish ON campaign.plan (target, database) WHERE republish_state IN ('begun', 'finishing');
`,
};
