import { keyVariable } from '../api/campaign/republish';
import type { NativeTargetConfig, TargetConfig } from '../api/config';
import type { Controller } from '../ingest/controller/controller';
import { NativeController, type NativeServers } from '../ingest/controller/native/controller';
import { IngestError } from '../ingest/core/errors';
import { isSameKey } from '../ingest/core/same-key';
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

  controller(name: string): Controller {
    const known = this.controllers.get(name);
    if (known) return known;
    const { steps } = this.environment;
    const made = new NativeController({
      target: name,
      servers: this.servers(this.config(name)),
      metadata: this.metadata,
      steps,
    });
    this.controllers.set(name, made);
    return made;
  }

  servers({ master, workers }: NativeTargetConfig): NativeServers {
    const { account } = this.environment;
    return { master: account(master), workers: workers.map((w) => ({ ...w, mysql: account(w.mysql) })) };
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
    for (const controller of this.controllers.values()) await controller.close();
  }
}
