/** Suites that a backend without a capability passes too: what it cannot do is skipped, and the report says why. */
export interface Able {
  test: (name: string, body: () => Promise<void>) => void;
  describe: (name: string, body: () => void) => void;
}

/** What the backend can do as it stands, and the rest as skipped cases whose names say which capability they need. */
export function able<Capabilities extends object>(
  capabilities: Capabilities,
  capability: keyof Capabilities & string,
): Able {
  if (capabilities[capability]) return { test, describe };
  const why = (name: string) => `${name} (skipped: this backend lacks the capability ${capability})`;
  return {
    test: (name, body) => test.skip(why(name), body),
    describe: (name, body) => describe.skip(why(name), body),
  };
}
