import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Controller } from '../../ingest/controller/controller';
import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { controllerRoutes } from '../../server/controller/routes';
import type { ControllerServices } from '../../server/controller/services';
import { createHttpServer } from '../../server/http/server';
import { DeclaredReplies } from './declared-replies';
import { sharedServers } from './native';
import { freshDatabase } from './servers';

export const KEYS = { auth: 'the-key', admin: 'the-admin-key' };

/** A reply with its envelope. */
export interface Answer extends Record<string, unknown> {
  success: 0 | 1;
  error: string;
  error_ext: Record<string, unknown>;
  warning: string;
}

/** The envelope of a request that succeeded without anything to say. */
export const OK: Answer = { success: 1, error: '', error_ext: {}, warning: '' };

export interface CallOptions {
  query?: Record<string, string | number>;
  /** With `version` and, unless the method is GET, `auth_key` added where they are not there. */
  body?: Record<string, unknown>;
  /** The administrator's key instead of the normal one. */
  admin?: boolean;
}

/** The controller service over a native controller on the run's shared servers, in this process. Close it. */
export class ControllerService {
  private constructor(
    readonly app: FastifyInstance,
    readonly controller: Controller,
    readonly metadata: Metadata,
    readonly servers: NativeServers,
    private readonly declared: DeclaredReplies,
    private readonly ownsMetadata: boolean,
  ) {}

  /** With records of its own unless given. `services` are changed as tests want them. */
  static async start(
    options: { metadata?: Metadata; services?: Partial<ControllerServices> } = {},
  ): Promise<ControllerService> {
    const metadata = options.metadata ?? openMetadata(await freshDatabase());
    const servers = await sharedServers();
    const controller = options.services?.controller ?? new NativeController({ target: 'test', servers, metadata });
    const identity = { id: randomUUID(), instanceId: 'test' };
    const routes = controllerRoutes({ controller, identity, ...options.services });
    const app = createHttpServer({ service: 'controller', routes, keys: KEYS });
    const declared = new DeclaredReplies(routes);
    return new ControllerService(app, controller, metadata, servers, declared, options.metadata === undefined);
  }

  /** One request and its reply. Fails unless the status is 200 and the reply as declared. */
  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, options: CallOptions = {}): Promise<Answer> {
    const keys = options.admin ? { admin_auth_key: KEYS.admin } : { auth_key: KEYS.auth };
    const query = Object.entries(options.query ?? {}).map(([k, v]) => `${k}=${v}`);
    const reply = await this.app.inject({
      method,
      url: query.length === 0 ? path : `${path}?${query.join('&')}`,
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ version: 55, ...(method === 'GET' ? {} : keys), ...options.body }),
    });
    if (reply.statusCode !== 200) throw new Error(`${method} ${path}: status ${reply.statusCode} ${reply.body}`);
    const answer: Answer = reply.json();
    this.declared.check(method, path, answer);
    return answer;
  }

  /** Listens on a free port of the loopback interface; returns the base URL. */
  listen(): Promise<string> {
    return this.app.listen({ host: '127.0.0.1', port: 0 });
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.controller.close();
    if (this.ownsMetadata) await this.metadata.close();
  }
}
