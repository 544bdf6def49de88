import { readFileSync } from 'node:fs';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';

/**
 * Where Temporal is, by its standard environment (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …) or temporal.toml. A file that
 * TEMPORAL_CONFIG_FILE names and that holds no profile (/dev/null) counts as none: envconfig 1.24 fails on it.
 */
export function temporalOptions(env: Record<string, string | undefined>): ClientConnectConfig {
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) overrideEnvVars[name] = value;
  const file = env.TEMPORAL_CONFIG_FILE;
  const disableFile = file !== undefined && !/^\s*\[\s*profile\b/m.test(readFileSync(file, 'utf8'));
  return loadClientConnectConfig({ overrideEnvVars, disableFile });
}
