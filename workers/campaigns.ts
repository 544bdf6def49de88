import { Worker } from '@temporalio/worker';
import { type CampaignServices, createCampaignActivities } from '../activities/campaign';
import { createDeletionActivities, type DeletionServices } from '../activities/delete';
import { createIngestActivities } from '../activities/ingest';
import { createRepublishActivities, type RepublishServices } from '../activities/republish';
import { type PlanServices, planCampaign, readSettings } from '../ingest/campaign/plan';
import { planRepublish } from '../ingest/campaign/republish';
import { CAMPAIGNS, ingestQueue, REMOTE_LOADS } from '../ingest/core/task-queues';
import { openMetadata } from '../ingest/storage/metadata';
import { PostgresLedger } from '../ingest/storage/metadata/ledger';
import { WORKFLOW_BUNDLE } from './bundle';
import { isOver } from './claims';
import { readEnvironment } from './environment';
import { ensureSearchAttributes } from './search-attributes';
import { serve } from './serve';
import { Targets } from './targets';
import { connectTemporal } from './temporal';

/** Loads of remote targets at the same time: each is a question now and then. */
const REMOTE_LOADS_AT_ONCE = 400;

/**
 * `worker campaigns`: workflows, controller operations and the ledger, on the task queue `campaigns`; what the workers of remote
 * targets load, on one of its own. Any number may run.
 */
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
    taskQueue: (target, worker) => (isRemote(target) ? REMOTE_LOADS : ingestQueue(worker)),
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
  const loading = createIngestActivities({ ledger, worker: (target, name) => targets.remoteWorker(target, name) });
  const common = { connection: link.connection, namespace: link.namespace, shutdownGraceTime: '5s' } as const;
  const remoteLoads = await Worker.create({
    ...common,
    taskQueue: REMOTE_LOADS,
    activities: loading,
    maxConcurrentActivityTaskExecutions: REMOTE_LOADS_AT_ONCE,
  });
  const campaigns = await Worker.create({
    ...common,
    taskQueue: CAMPAIGNS,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities: {
      ...createCampaignActivities(services),
      ...createRepublishActivities(republishing),
      ...createDeletionActivities(deletion),
      // Of batches that were cut when this queue had them all.
      ...loading,
    },
  });
  const close = async () => {
    await targets.close();
    await metadata.close();
    await link.connection.close();
  };
  return { workers: [campaigns, remoteLoads], close };
}

void serve('worker campaigns', start);
