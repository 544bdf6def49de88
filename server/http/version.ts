import { type AnyEndpoint, API_VERSION } from '../../api/qserv/endpoint';
import { Refusal } from '../../api/qserv/refusal';

/** What is said to a request that names no version. It is never refused. */
export const NO_VERSION = 'No version number was provided in the request.';

/**
 * Checks the version that a request states, docs/contract/README.md §5; returns the warning that the reply gets, or none. The body
 * wins over the query.
 */
export function checkVersion(
  { floor }: Pick<AnyEndpoint, 'floor'>,
  query: Record<string, unknown>,
  body: Record<string, unknown>,
): string | undefined {
  if (floor === undefined) return undefined;
  const stated = body.version ?? query.version;
  const range = { min_version: floor, max_version: API_VERSION };
  const version = stated === undefined ? 0 : Number(typeof stated === 'string' && stated.trim() === '' ? 'x' : stated);
  if (typeof stated === 'object' || !Number.isInteger(version)) {
    throw new Refusal('E', 'The optional parameter version is not a number.', range);
  }
  if (version === 0) return NO_VERSION;
  if (version >= floor && version <= API_VERSION) return undefined;
  throw new Refusal(
    'E',
    `The requested version ${version} of the API is not in the range supported by the service.`,
    range,
  );
}
