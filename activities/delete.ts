import { type DeletionInput, parseDeletionInput } from '../api/campaign/deletion';
import {
  type DeletionPlan,
  deletePlannedDatabase,
  deletePlannedTable,
  type OpenedDeletion,
  openDeletion,
  type PlannedTable,
} from '../ingest/campaign/deletion';
import type { CampaignLedger, Claim } from '../ingest/campaign/ledger';
import type { Controller } from '../ingest/controller/controller';
import { run } from './run';

export interface DeletionServices {
  ledger: CampaignLedger;
  /** UNKNOWN_TARGET. */
  controller(target: string): Controller;
  defaultTarget: string;
  /** Asks Temporal whether the holder's chain of runs has ended. */
  isOver(holder: Claim): Promise<boolean>;
  /** NOT_ALLOWED unless the reference leads to the target's administrator's key. */
  checkAdminKey(target: string, reference: string): void;
}

/** Activities of `deleteCatalog`, on the queue `campaigns`. */
export function createDeletionActivities(services: DeletionServices) {
  const { ledger } = services;
  const on = (claim: Claim) => ({ controller: services.controller(claim.target), ledger });

  return {
    /** Checks the input's form, with the target filled in. Changes nothing. */
    readDeletion: (input: unknown): Promise<DeletionInput & { target: string }> =>
      run(async () => {
        const request = parseDeletionInput(input);
        const target = request.target ?? services.defaultTarget;
        services.controller(target);
        return { ...request, target };
      }),

    /** Claims the database and checks all that can be refused before anything is deleted. */
    openDeletion: (what: { input: DeletionInput; claim: Claim }): Promise<OpenedDeletion> =>
      run(() => openDeletion({ ...services, ...on(what.claim) }, what.input, what.claim)),

    deletePlannedTable: (what: { claim: Claim; plan: Pick<DeletionPlan, 'published'>; table: PlannedTable }) =>
      run(() => deletePlannedTable(on(what.claim), what.claim, what.plan, what.table)),

    deletePlannedDatabase: (what: { claim: Claim; plan: Pick<DeletionPlan, 'published' | 'created' | 'tables'> }) =>
      run(() => deletePlannedDatabase(on(what.claim), what.claim, what.plan)),
  };
}

export type DeletionActivities = ReturnType<typeof createDeletionActivities>;
