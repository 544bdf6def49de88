import type { Campaign } from '../../api/campaign/input';

/** What a running campaign needs of its input, defaults filled in; small enough for a workflow's history. */
export interface CampaignSettings
  extends Pick<
    Campaign,
    | 'keepOpen'
    | 'onFailure'
    | 'rollback'
    | 'batch'
    | 'parallel'
    | 'attempts'
    | 'waits'
    | 'adopt'
    | 'finish'
    | 'base'
    | 'quality'
    | 'maxNumWarnings'
    | 'transactionBytes'
  > {
  target: string;
  database: string;
  owner: string;
}
