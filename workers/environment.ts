import { readFileSync } from 'node:fs';
import { inputFaults } from '../api/campaign/faults';
import { type MysqlAddress, type ServiceConfig, serviceConfig, type TargetConfig } from '../api/config';
import { IngestError, invalidInput } from '../ingest/core/errors';
import type { StepHook } from '../ingest/core/steps';
import type { SourceRules } from '../ingest/source';
import type { MysqlAccess } from '../ingest/storage/data/connection';
import { KILL_VARIABLE, killAt } from './kill-at';

/** The configuration file together with the secrets that it names. */
export interface Environment {
  config: ServiceConfig;
  postgresUrl: string;
  /** The account with its password. */
  account(address: MysqlAddress): MysqlAccess;
  /** How sources are read here; header secrets are limited to the configured names. */
  sources: SourceRules;
  /** Value of a key that requests may name because the configuration lists it under `keys`. */
  key(name: string): string | undefined;
  /** Values of a target's keys; undefined where it has none. */
  authKey(target: TargetConfig): string | undefined;
  adminKey(target: TargetConfig): string | undefined;
  /** What a target's own services compare keys with: an empty key where none is configured, as Qserv does it. */
  serviceKeys(target: TargetConfig): { auth: string; admin: string };
  /** For fault tests, see kill-at.ts. */
  steps: StepHook;
}

export const CONFIG_VARIABLE = 'QSERV_CAMPAIGNS_CONFIG';

/**
 * Reads the configuration file that QSERV_CAMPAIGNS_CONFIG names and the secrets that the file names.
 * Errors: INVALID_INPUT naming the variable or the field and the remedy; never a value of a secret.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const secret = (name: string): string => {
    const value = env[name];
    if (value === undefined) throw invalidInput('environment', [{ path: name, message: 'is not set' }]);
    return value;
  };
  const config = readConfig(secret(CONFIG_VARIABLE));
  const optional = (name: string | undefined) => (name === undefined ? undefined : env[name]);
  return {
    config,
    postgresUrl: secret(config.postgresUrlEnv),
    account: ({ passwordEnv, ...address }) => ({ ...address, password: passwordEnv ? secret(passwordEnv) : '' }),
    sources: {
      ...config.sources,
      resolveSecret: (name) => (config.sources.secrets.includes(name) ? env[name] : undefined),
    },
    key: (name) => (config.keys.includes(name) ? env[name] : undefined),
    authKey: ({ authKeyEnv }) => optional(authKeyEnv),
    adminKey: ({ adminAuthKeyEnv }) => optional(adminAuthKeyEnv),
    serviceKeys: ({ authKeyEnv, adminAuthKeyEnv }) => ({
      // One that is named must be there: an empty key by mistake would let everybody in.
      auth: authKeyEnv === undefined ? '' : secret(authKeyEnv),
      admin: adminAuthKeyEnv === undefined ? '' : secret(adminAuthKeyEnv),
    }),
    steps: killAt(env[KILL_VARIABLE]),
  };
}

/** Reads and checks a configuration file. Errors: INVALID_INPUT naming the file and each field at fault. */
export function readConfig(file: string): ServiceConfig {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new IngestError('INVALID_INPUT', `${CONFIG_VARIABLE}: cannot read ${file}: ${(error as Error).message}`);
  }
  const result = serviceConfig.safeParse(json);
  if (!result.success) throw invalidInput(file, inputFaults(result.error.issues));
  const config = result.data;
  if (!config.targets[config.defaultTarget]) {
    throw invalidInput(file, [
      { path: 'defaultTarget', message: `names no target; there are: ${Object.keys(config.targets).join(', ')}` },
    ]);
  }
  return config;
}
