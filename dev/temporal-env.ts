/**
 * Environment for a process that is to use one Temporal server and nothing else of the user's settings for Temporal's clients
 * (TEMPORAL_* variables, profiles in temporal.toml).
 */
export function temporalEnvironment(client?: {
  address: string;
  namespace: string;
}): Record<string, string | undefined> {
  const cleared = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
  return {
    ...Object.fromEntries(cleared.map((name) => [name, undefined])),
    TEMPORAL_CONFIG_FILE: '/dev/null',
    ...(client ? { TEMPORAL_ADDRESS: client.address, TEMPORAL_NAMESPACE: client.namespace } : {}),
  };
}
