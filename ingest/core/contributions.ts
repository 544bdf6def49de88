/** Contribution statuses (Qserv's spelling). */
export const CONTRIBUTION_STATUSES = [
  'IN_PROGRESS',
  'CREATE_FAILED',
  'START_FAILED',
  'READ_FAILED',
  'LOAD_FAILED',
  'CANCELLED',
  'FINISHED',
] as const;
export type ContributionStatus = (typeof CONTRIBUTION_STATUSES)[number];
