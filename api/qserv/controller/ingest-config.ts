import { z } from 'zod';
import { INGEST_PARAMETERS, type IngestConfig, type IngestParameter } from '../../../ingest/core/ingest-config';
import { MASK } from '../contribution';
import { endpoint } from '../endpoint';
import { int, long, uint } from '../fields';
import { queryRequired } from '../query-fields';

/** How workers read sources of a database by reference, docs/contract/controller.md §9. */

const DESCRIPTIONS: Record<IngestParameter, string> = {
  SSL_VERIFYHOST: "0: the name in a source's certificate is not checked.",
  SSL_VERIFYPEER: "0: a source's certificate is not checked.",
  CAPATH: 'Folder with certificates to trust, at the worker.',
  CAINFO: 'File with certificates to trust, at the worker.',
  CAINFO_VAL: 'Text of certificates to trust, in place of CAINFO.',
  PROXY_SSL_VERIFYHOST: "0: the name in the proxy's certificate is not checked.",
  PROXY_SSL_VERIFYPEER: "0: the proxy's certificate is not checked.",
  PROXY_CAPATH: 'As CAPATH, for the proxy.',
  PROXY_CAINFO: 'As CAINFO, for the proxy.',
  PROXY_CAINFO_VAL: 'As CAINFO_VAL, for the proxy.',
  CURLOPT_PROXY: 'URL of the proxy. User and password in it are masked in replies.',
  CURLOPT_NOPROXY: 'Hosts, with commas, that are reached without the proxy.',
  CURLOPT_HTTPPROXYTUNNEL: 'Not 0: tunnel through the proxy.',
  CONNECTTIMEOUT: 'Seconds; 0: none of its own.',
  TIMEOUT: 'Seconds; 0: none.',
  LOW_SPEED_LIMIT: 'Bytes a second below which a source is given up after LOW_SPEED_TIME; 0: never.',
  LOW_SPEED_TIME: 'Seconds; 0: never.',
  ASYNC_PROC_LIMIT: 'Asynchronous contributions of the database that a worker processes at once; 0: as many as it can.',
};

type Type = (typeof INGEST_PARAMETERS)[IngestParameter];
type Fields<Types extends Record<Type, z.ZodType>> = {
  [Name in IngestParameter]: z.ZodOptional<Types[(typeof INGEST_PARAMETERS)[Name]]>;
};

function fields<Types extends Record<Type, z.ZodType>>(types: Types): Fields<Types> {
  const all = Object.entries(INGEST_PARAMETERS) as [IngestParameter, Type][];
  const optional = ([name, type]: [IngestParameter, Type]) => {
    const field: z.ZodType = types[type];
    return [name, field.optional().describe(DESCRIPTIONS[name])];
  };
  return Object.fromEntries(all.map(optional)) as Fields<Types>;
}

const common = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'ingest configuration' } as const;
const number = z.number().int();

/** GET /ingest/config. */
export const getIngestConfig = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/config',
  floor: 14,
  summary: 'How sources of a database are read',
  description:
    'Only parameters that were ever set. Deviation: user and password in the URL of the proxy are masked; a real server tells them.',
  query: z.object({ database: queryRequired.describe('In any publish state.') }),
  reply: z.object({
    config: z
      .object({
        database: z.string().describe('As asked for.'),
        ...fields({ int: number, uint: number, long: number, string: z.string() }),
      })
      .describe('The parameters that were set.'),
  }),
});

/** PUT /ingest/config. */
export const setIngestConfig = endpoint({
  ...common,
  method: 'PUT',
  path: '/ingest/config',
  floor: 14,
  summary: 'Change how sources of a database are read',
  description:
    'Parameters that are not given stay as they are, and so does a proxy that is sent with user and password masked as replies show it. Changes hold from the next read on.',
  body: z.object({
    database: z.string().describe('In any publish state.'),
    ...fields({ int, uint, long, string: z.string() }),
  }),
  reply: z.object({}),
});

/** As replies show it. A deviation from Qserv, which shows everything: a proxy's user and password are masked. */
export function toWireIngestConfig(config: IngestConfig): IngestConfig {
  const { CURLOPT_PROXY: proxy } = config;
  if (proxy === undefined) return config;
  return { ...config, CURLOPT_PROXY: proxy.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, `$1${MASK}@`) };
}

/**
 * Changes without the proxy where it is sent as replies show it: whoever writes back what was read would else take user and
 * password away.
 */
export function fromWireIngestConfig(changes: IngestConfig, present: IngestConfig): IngestConfig {
  const { CURLOPT_PROXY: proxy, ...others } = changes;
  const isMasked = proxy?.includes(`${MASK}@`) && proxy === toWireIngestConfig(present).CURLOPT_PROXY;
  return isMasked ? others : changes;
}
