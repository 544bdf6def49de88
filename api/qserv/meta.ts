import { z } from 'zod';
import { endpoint } from './endpoint';

/** GET /meta/version of the controller, docs/contract/controller.md §1. */
export const controllerVersion = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/meta/version',
  component: 'HTTP-PROCESSOR',
  summary: 'What this service is',
  tag: 'meta',
  reply: z.object({
    kind: z.literal('replication-controller').describe('Sort of service.'),
    id: z.string().describe('Of the running process.'),
    instance_id: z.string().describe('Name of the Qserv instance.'),
    version: z.number().int().describe('Of the interface; the newest one that is accepted.'),
    database_schema_version: z.number().int().describe('Of the records.'),
  }),
});

/** GET /meta/version of a worker, docs/contract/worker.md. */
export const workerVersion = endpoint({
  service: 'worker',
  method: 'GET',
  path: '/meta/version',
  component: 'INGEST-HTTP-SVC',
  summary: 'What this service is',
  tag: 'meta',
  reply: z.object({
    kind: z.literal('replication-worker-ingest').describe('Sort of service.'),
    id: z.string().describe('Name of the worker.'),
    instance_id: z.string().describe('Name of the Qserv instance.'),
    version: z.number().int().describe('Of the interface; the newest one that is accepted.'),
  }),
});
