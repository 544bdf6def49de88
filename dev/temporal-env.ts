/**
 * Takes the user's own settings for Temporal's clients (TEMPORAL_* variables, profiles in temporal.toml) out of a process's
 * environment, so that the process uses the server it is told to and nothing else.
 */
export function noTemporalSettings(): Record<string, string | undefined> {
  const set = Object.keys(process.env).filter((name) => name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(set.map((name) => [name, undefined])), TEMPORAL_CONFIG_FILE: '/dev/null' };
}
