/** How sources may be read on this host. */
export interface SourceRules {
  /** Named folders that `file://` and `root://NAME/…` sources lie in; absolute paths. */
  roots: Record<string, string>;
  /** Seconds without a byte after which a source counts as stalled. */
  stallSeconds: number;
  /**
   * Value of `${env:NAME}` in an HTTP header; entries pass a function over the environment. `undefined` = no such name.
   * Values never appear in errors.
   */
  resolveSecret?: (name: string) => string | undefined;
}
