import { z } from 'zod';
import { addressRangeFault, DENIED_ADDRESSES, hostPatternFault, SOURCE_LIMITS } from '../ingest/core/source-policy';

/**
 * The services' configuration file (JSON). Which file: environment variable QSERV_CAMPAIGNS_CONFIG, read by entries only.
 * Secrets are named by environment variable (`…Env`), so that the file itself holds none.
 */

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'use letters, digits, "_", "-" and "."');
const port = z.number().int().min(1).max(65535);

export const mysqlAddress = z
  .strictObject({
    host: z.string().min(1),
    port,
    user: z.string().min(1),
    /** Environment variable that holds the password; absent = no password. */
    passwordEnv: z.string().min(1).optional(),
  })
  .describe('A MariaDB server and the account used there');

export const nativeWorker = z.strictObject({
  name,
  mysql: mysqlAddress,
  /** Where Qserv's clients reach the worker's services, as reported by the location services. */
  host: z.string().default('127.0.0.1'),
  binaryPort: port.default(25002),
  httpPort: port.default(25004),
  enabled: z.boolean().default(true),
  readOnly: z.boolean().default(false),
});

const keys = {
  /**
   * Environment variable with the key that changes need. Its services take an empty one when there is none here, as Qserv's do by
   * default: whoever reaches them may load.
   */
  authKeyEnv: z.string().min(1).optional(),
  /** Environment variable with the administrator's key. Without it no campaign may change published catalogs of this target. */
  adminAuthKeyEnv: z.string().min(1).optional(),
};

export const nativeTarget = z
  .strictObject({
    kind: z.literal('native'),
    master: mysqlAddress,
    workers: z.array(nativeWorker).min(1, 'a target needs at least one worker'),
    /** Name of the Qserv instance, as `GET /meta/version` reports it. */
    instanceId: z.string().min(1).default('qserv'),
    /** Port of the controller's REST service (`server controller`). */
    controllerPort: port.default(25081),
    ...keys,
  })
  .describe('MariaDB servers that this service loads by itself');

export const remoteTarget = z
  .strictObject({
    kind: z.literal('remote'),
    /** Base URL of the controller's REST service, e.g. http://qserv-controller:25081 */
    controllerUrl: z.url({ protocol: /^https?$/, error: 'use http://HOST:PORT or https://HOST:PORT' }),
    ...keys,
  })
  .describe("A Qserv that is driven through its controller's and its workers' REST services");

export const target = z.discriminatedUnion('kind', [nativeTarget, remoteTarget]);

const said = (fault: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = fault(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
const addressRanges = z.array(said(addressRangeFault));

/** Which data servers may be asked; checked at every connection and at every redirect. */
export const httpPolicy = z.strictObject({
  /** Names and addresses, `*.example.org` for all names below it. Empty = any. */
  hosts: z.array(said(hostPatternFault)).default([]),
  /** Address ranges. Empty = any that is not denied, else these alone. */
  allow: addressRanges.default([]),
  /** Address ranges that are never connected to; a list that is given takes the place of the default one. */
  deny: addressRanges.default([...DENIED_ADDRESSES]),
});

export const sourceLimits = z.strictObject({
  /** Bytes of CSV of one source, after decompression. */
  bodyBytes: z.number().int().positive().default(SOURCE_LIMITS.bodyBytes),
  /** Bytes out of one byte of compressed input. */
  ratio: z.number().min(1).default(SOURCE_LIMITS.ratio),
  /** Bytes of the headers of one HTTP reply. */
  headerBytes: z.number().int().min(1024).default(SOURCE_LIMITS.headerBytes),
});

export const sourceRules = z.strictObject({
  /** Named folders that file:// and root:// sources may lie in; absolute paths, the same on every host. */
  roots: z.record(name, z.string().startsWith('/', 'use an absolute path')).default({}),
  /** Seconds without a byte after which a source counts as stalled. */
  stallSeconds: z.number().positive().default(60),
  /** Environment variables that campaigns may send to sources, as `${env:NAME}` in an HTTP header. No others are ever read. */
  secrets: z.array(z.string().min(1)).default([]),
  http: httpPolicy.prefault({}),
  limits: sourceLimits.prefault({}),
});

export const serverRules = z.strictObject({
  /** Address that the REST and binary services listen on. */
  bind: z.string().min(1).default('0.0.0.0'),
  /** Folder for what must be kept on disk while it comes in; default: the system's. */
  temporary: z.string().startsWith('/', 'use an absolute path').optional(),
  /** Asynchronous contributions that one worker loads at the same time. */
  asyncLoads: z.number().int().min(1).max(64).default(4),
});

export const serviceConfig = z.strictObject({
  /** Environment variable with the PostgreSQL URL of records, claims, plans and ledger. */
  postgresUrlEnv: z.string().min(1).default('QSERV_POSTGRES_URL'),
  defaultTarget: name,
  targets: z.record(name, target),
  sources: sourceRules.prefault({}),
  server: serverRules.prefault({}),
  /** Environment variables that requests may name as keys, as `${env:NAME}` (adminKey). No others are ever read for that. */
  keys: z.array(z.string().min(1)).default([]),
});

export type MysqlAddress = z.infer<typeof mysqlAddress>;
export type NativeWorkerConfig = z.infer<typeof nativeWorker>;
export type NativeTargetConfig = z.infer<typeof nativeTarget>;
export type TargetConfig = z.infer<typeof target>;
export type SourceRules = z.infer<typeof sourceRules>;
export type ServiceConfig = z.infer<typeof serviceConfig>;
