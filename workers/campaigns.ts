import { Worker } from '@temporalio/worker';
import { type CampaignServices, createCampaignActivities } from '../activities/campaign';
import { createDeletionActivities, type DeletionServices } from '../activities/delete';
import { createIngestActivities } from '../activities/ingest';
import { createRepublishActivities, type RepublishServices } from '../activities/republish';
import { type PlanServices, planCampaign, readSettings } from '../ingest/campaign/plan';
import { planRepublish } from '../ingest/campaign/republish';
import { openMetadata } from '../ingest/storage/metadata';
import { PostgresLedger } from '../ingest/storage/metadata/ledger';
import { WORKFLOW_BUNDLE } from './bundle';
import { isOver } from './claims';
import { readEnvironment } from './environment';
import { ensureSearchAttributes } from './search-attributes';
import { serve } from './serve';
import { Targets } from './targets';
import { connectTemporal } from './temporal';

const CAMPAIGNS = 'campaigns';

/** `worker campaigns`: workflows, controller operations and the ledger, on the task queue `campaigns`. Any number may run. */
async function start() {
  const environment = readEnvironment(process.env);
  const { config } = environment;
  const metadata = openMetadata(environment.postgresUrl);
  await metadata.migrate();
  const link = await connectTemporal();
  await ensureSearchAttributes(link);

  const ledger = new PostgresLedger(metadata);
  const isRemote = (target: string) => targets.config(target).kind === 'remote';
  const targets = new Targets(environment, metadata);
  const planning = {
    defaultTarget: config.defaultTarget,
    targets: targets.names,
    sources: environment.sources,
    ledger,
    controller: (target) => targets.controller(target),
  } satisfies PlanServices;
  const services: CampaignServices = {
    ledger,
    controller: (target) => targets.controller(target),
    // Remote workers are driven from here, where everything else of their target is done.
    taskQueue: (target, worker) => (isRemote(target) ? CAMPAIGNS : `ingest-${worker}`),
    isPresent: async (target, worker) => isRemote(target) || ledger.isPresent(worker),
    settings: (input, { signal }) => readSettings(input, planning, signal),
    plan: (input, key, { signal, report }) => planCampaign(input, key, planning, { signal, onProgress: report }),
    isOver: (claim) => isOver(link.client, claim),
  };
  const guarded = {
    ...services,
    checkAdminKey: (target: string, reference: string) => targets.checkAdminKey(target, reference),
  };
  const deletion: DeletionServices = { ...guarded, defaultTarget: config.defaultTarget };
  const republishing: RepublishServices = {
    ...guarded,
    planRepublish: (request, campaign, key, { signal, report }) =>
      planRepublish(request, campaign, key, planning, { signal, onProgress: report }),
  };
  const worker = await Worker.create({
    connection: link.connection,
    namespace: link.namespace,
    taskQueue: CAMPAIGNS,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities: {
      ...createCampaignActivities(services),
      ...createRepublishActivities(republishing),
      ...createDeletionActivities(deletion),
      ...createIngestActivities({ ledger, worker: (target, name) => targets.remoteWorker(target, name) }),
    },
    shutdownGraceTime: '5s',
  });
  const close = async () => {
    await targets.close();
    await metadata.close();
    await link.connection.close();
  };
  return { worker, close };
}

void serve('worker campaigns', start);
