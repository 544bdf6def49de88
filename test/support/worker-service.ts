import { mkdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ContributionOperations } from '../../ingest/worker/contributions';
import { createHttpServer } from '../../server/http/server';
import { workerRoutes } from '../../server/worker/routes';
import type { WorkerServices } from '../../server/worker/services';
import { type Answer, type CallOptions, KEYS } from './controller-service';
import { DeclaredReplies } from './declared-replies';
import { privateDir } from './servers';

/** A worker service over a worker of the test's own, in this process. Close it; the worker stays. */
export class WorkerService {
  private constructor(
    readonly app: FastifyInstance,
    /** Where JSON rows wait. */
    readonly spoolFolder: string,
    private readonly declared: DeclaredReplies,
  ) {}

  /** `services` are changed as tests want them. */
  static start(name: string, worker: ContributionOperations, services: Partial<WorkerServices> = {}): WorkerService {
    const spoolFolder = privateDir('spool');
    mkdirSync(spoolFolder);
    const identity = { name, instanceId: 'test' };
    const routes = workerRoutes({ worker, identity, keys: KEYS, spoolFolder, ...services });
    const app = createHttpServer({ service: 'worker', routes, keys: KEYS });
    return new WorkerService(app, spoolFolder, new DeclaredReplies(routes));
  }

  /** One request of JSON and its reply; `version` and the key are added where they are not there. Fails unless the status is 200. */
  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, options: CallOptions = {}): Promise<Answer> {
    const keys = options.admin ? { admin_auth_key: KEYS.admin } : { auth_key: KEYS.auth };
    const body = { version: 55, ...(method === 'GET' ? {} : keys), ...options.body };
    return this.send(method, path, JSON.stringify(body), 'application/json');
  }

  /** One request with any body. Fails unless the status is 200 and the reply as declared. */
  async send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    payload: string | Buffer | Readable,
    type: string,
  ): Promise<Answer> {
    const reply = await this.app.inject({ method, url, headers: { 'content-type': type }, payload });
    if (reply.statusCode !== 200) throw new Error(`${method} ${url}: status ${reply.statusCode} ${reply.body}`);
    const answer: Answer = reply.json();
    this.declared.check(method, url, answer);
    return answer;
  }

  /** Listens on a free port of the loopback interface; returns the base URL. */
  listen(): Promise<string> {
    return this.app.listen({ host: '127.0.0.1', port: 0 });
  }

  close(): Promise<void> {
    return this.app.close();
  }
}
