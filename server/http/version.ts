import { type AnyEndpoint, API_VERSION } from '../../api/qserv/endpoint';
import { Refusal } from '../../api/qserv/refusal';

/** What is said to a request that names no version. It is never refused. */
const NO_VERSION = 'No version number was provided in the request.';

/**
 * Checks the version that a request states, docs/contract/README.md §5; the body wins over the query. `warn` gets the warning that
 * the reply must have.
 */
export function checkVersion(
  { floor, floors }: Pick<AnyEndpoint, 'floor' | 'floors'>,
  query: Record<string, unknown>,
  body: Record<string, unknown>,
  warn: (text: string) => void,
): void {
  if (floor === undefined) return;
  const version = versionOf('version' in body ? body.version : query.version);
  if (version === 0) {
    warn(NO_VERSION);
    return;
  }
  for (const { floor: min_version, warning = '' } of [...(floors?.(body) ?? []), { floor }]) {
    const range = { min_version, max_version: API_VERSION };
    if (version === undefined) throw new Refusal('E', 'The optional parameter version is not a number.', range);
    if (version >= min_version && version <= API_VERSION) continue;
    const text = `The requested version ${version} of the API is not in the range supported by the service.`;
    throw new Refusal('E', text, range, warning);
  }
}

/** 0 where none is stated; undefined for what is no unsigned integer of 32 bits, as a real server has it. */
function versionOf(stated: unknown): number | undefined {
  if (stated === undefined) return 0;
  const isNumber = typeof stated === 'number' || (typeof stated === 'string' && /^[-+]?\d+$/.test(stated.trim()));
  const version = isNumber ? Number(stated) : Number.NaN;
  return version === version >>> 0 ? version : undefined;
}
