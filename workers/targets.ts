import { keyVariable } from '../api/campaign/republish';
import type { NativeTargetConfig, NativeWorkerConfig, TargetConfig } from '../api/config';
import type { Controller } from '../ingest/controller/controller';
import { NativeController, type NativeServers } from '../ingest/controller/native/controller';
import { RemoteController } from '../ingest/controller/remote/controller';
import { IngestError, invalidInput } from '../ingest/core/errors';
import { isSameKey } from '../ingest/core/same-key';
import type { Metadata } from '../ingest/storage/metadata';
import { RemoteIngestWorker } from '../ingest/worker/remote';
import type { IngestWorker } from '../ingest/worker/worker';
import type { Environment } from './environment';

/** The configured targets' controllers and remote workers, each made when it is first asked for. */
export class Targets {
  private readonly controllers = new Map<string, Controller>();
  private readonly remoteWorkers = new Map<string, IngestWorker>();

  constructor(
    private readonly environment: Environment,
    private readonly metadata: Metadata,
  ) {}

  get names(): string[] {
    return Object.keys(this.environment.config.targets);
  }

  /** UNKNOWN_TARGET lists the names there are. */
  config(name: string): TargetConfig {
    const config = this.environment.config.targets[name];
    if (config) return config;
    throw new IngestError(
      'UNKNOWN_TARGET',
      `there is no target '${name}'; the configuration has ${this.names.join(', ')}`,
    );
  }

  /** The target, which must be native: INVALID_INPUT for another kind. */
  native(name: string): NativeTargetConfig {
    const config = this.config(name);
    if (config.kind === 'native') return config;
    throw new IngestError('INVALID_INPUT', `target ${name} is remote: its services are Qserv's own`);
  }

  /** A native target's worker. INVALID_INPUT lists the names there are. */
  nativeWorker(target: string, name: string | undefined): NativeWorkerConfig {
    const { workers } = this.native(target);
    const worker = workers.find((candidate) => candidate.name === name);
    if (worker) return worker;
    const names = workers.map((candidate) => candidate.name).join(', ');
    throw invalidInput('worker', [{ path: 'NAME', message: `target ${target} has the workers: ${names}` }]);
  }

  controller(name: string): Controller {
    const known = this.controllers.get(name);
    if (known) return known;
    const made = this.open(name);
    this.controllers.set(name, made);
    return made;
  }

  /** A remote target's worker, driven from this process; a native one's rows stream on its own host. UNKNOWN_WORKER. */
  remoteWorker(target: string, name: string): IngestWorker {
    const config = this.config(target);
    if (config.kind !== 'remote') {
      throw new IngestError('UNKNOWN_WORKER', `the worker ${name} of target ${target} loads by a process of its own`);
    }
    const key = JSON.stringify([target, name]);
    const known = this.remoteWorkers.get(key);
    if (known) return known;
    const { sources } = this.environment;
    const worker = new RemoteIngestWorker({
      name,
      controller: this.controller(target),
      authKey: this.authKey(target, config),
      roots: sources.roots,
      resolveSecret: sources.resolveSecret,
    });
    this.remoteWorkers.set(key, worker);
    return worker;
  }

  /**
   * Throws NOT_ALLOWED unless the reference (`${env:NAME}`) names the target's administrator key. Says what to configure, and never
   * a value. UNKNOWN_TARGET.
   */
  checkAdminKey(target: string, reference: string): void {
    const { config, key, adminKey } = this.environment;
    const refuse = (why: string) => new IngestError('NOT_ALLOWED', `target ${target}: ${why}`, { target });
    const { adminAuthKeyEnv } = this.config(target);
    if (adminAuthKeyEnv === undefined) {
      throw refuse(
        'it has no administrator key, so nobody may change its published catalogs; configure its adminAuthKeyEnv',
      );
    }
    const wanted = adminKey(this.config(target));
    if (!wanted)
      throw refuse(`its administrator key is not set; set ${adminAuthKeyEnv} in the environment of the workers`);
    const name = keyVariable(reference);
    if (name === undefined)
      throw refuse(`name an environment variable of the workers as adminKey, as in \${env:ADMIN_KEY}`);
    const given = key(name);
    if (!given) {
      throw refuse(
        config.keys.includes(name)
          ? `${name} is not set; set it in the environment of the workers`
          : `${name} is not a key that requests may name; list it under keys in the configuration of the workers`,
      );
    }
    if (!isSameKey(given, wanted))
      throw refuse(`the key in ${name} is not its administrator key; name another one, or set ${name} to it`);
  }

  async close(): Promise<void> {
    for (const worker of this.remoteWorkers.values()) await worker.close();
    for (const controller of this.controllers.values()) await controller.close();
  }

  private open(name: string): Controller {
    const config = this.config(name);
    const { adminKey, steps } = this.environment;
    switch (config.kind) {
      case 'native':
        return new NativeController({ target: name, servers: this.servers(config), metadata: this.metadata, steps });
      case 'remote':
        return new RemoteController({
          url: config.controllerUrl,
          authKey: this.authKey(name, config),
          adminAuthKey: adminKey(config),
        });
      default:
        throw new IngestError('INTERNAL', `unknown kind of target ${config satisfies never}`);
    }
  }

  /** What a remote target's services ask for: an empty key where none is configured, as Qserv has it by default. NOT_ALLOWED. */
  private authKey(target: string, config: TargetConfig): string {
    const { authKeyEnv } = config;
    if (authKeyEnv === undefined) return '';
    const key = this.environment.authKey(config);
    if (key !== undefined) return key;
    const message = `target ${target}: its key is not set; set ${authKeyEnv} in the environment of the workers`;
    throw new IngestError('NOT_ALLOWED', message, { target });
  }

  private servers({ master, workers }: NativeTargetConfig): NativeServers {
    const { account } = this.environment;
    return { master: account(master), workers: workers.map((w) => ({ ...w, mysql: account(w.mysql) })) };
  }
}
