import type { IngestConfig } from '../core/ingest-config';
import type { HttpPolicy, SourceLimits } from '../core/source-policy';
import type { HttpClients } from './clients';

/** How sources may be read on this host. */
export interface SourceRules {
  /** Named folders that `file://` and `root://NAME/…` sources lie in; absolute paths. */
  roots: Record<string, string>;
  /** Seconds without a byte after which a source counts as stalled; also the time a connection may take to come about. */
  stallSeconds: number;
  /**
   * Value of `${env:NAME}` in an HTTP header or in the query of a URL; entries pass a function over the environment. `undefined` = no
   * such name. Values never appear in errors. Absent for requests that come from outside: nothing is put in the place of anything.
   */
  resolveSecret?: (name: string) => string | undefined;
  /** What becomes of a reply that leads elsewhere. `refuse` is the contract's way for contributions over REST. Default `follow`. */
  redirects?: 'follow' | 'refuse';
  http?: HttpPolicy;
  limits?: SourceLimits;
  /** The database's ingest configuration, for HTTP(S) sources. */
  transfer?: IngestConfig;
  /** Connections to keep; a common set by default. Closed by whoever made them. */
  clients?: HttpClients;
}
