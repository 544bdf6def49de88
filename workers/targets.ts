import type { NativeTargetConfig } from '../api/config';
import type { Controller } from '../ingest/controller/controller';
import { NativeController, type NativeServers } from '../ingest/controller/native/controller';
import { IngestError } from '../ingest/core/errors';
import type { Metadata } from '../ingest/storage/metadata';
import type { Environment } from './environment';

/** The configured targets' controllers, each made when it is first asked for. */
export class Targets {
  private readonly controllers = new Map<string, Controller>();

  constructor(
    private readonly environment: Environment,
    private readonly metadata: Metadata,
  ) {}

  get names(): string[] {
    return Object.keys(this.environment.config.targets);
  }

  /** UNKNOWN_TARGET lists the names there are. */
  config(name: string): NativeTargetConfig {
    const config = this.environment.config.targets[name];
    if (config) return config;
    throw new IngestError(
      'UNKNOWN_TARGET',
      `there is no target '${name}'; the configuration has ${this.names.join(', ')}`,
    );
  }

  controller(name: string): Controller {
    const known = this.controllers.get(name);
    if (known) return known;
    const { steps } = this.environment;
    const made = new NativeController({ target: name, servers: this.servers(name), metadata: this.metadata, steps });
    this.controllers.set(name, made);
    return made;
  }

  servers(name: string): NativeServers {
    const { master, workers } = this.config(name);
    const { account } = this.environment;
    return { master: account(master), workers: workers.map((w) => ({ ...w, mysql: account(w.mysql) })) };
  }

  async close(): Promise<void> {
    for (const controller of this.controllers.values()) await controller.close();
  }
}
