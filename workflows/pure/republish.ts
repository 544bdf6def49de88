/** The shape of a republish request, as far as the validator of the update may look: api/campaign/republish.ts says the rest. */

const LISTS = ['add', 'replace', 'remove'] as const;
const FIELDS: ReadonlySet<string> = new Set([
  '$schema',
  'requestId',
  'base',
  ...LISTS,
  'adminKey',
  'quality',
  'maxNumWarnings',
  'transactionBytes',
  'finish',
]);
const KEY_REFERENCE = /^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$/;

/**
 * What is wrong with a request's shape, naming field and remedy, or undefined. Reads no definition and no file: that is planning's.
 * Never repeats a value.
 */
export function requestFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'a republish request is one JSON object with add, replace or remove, and adminKey';
  }
  const request = value as Record<string, unknown>;
  const unknown = Object.keys(request).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) return `${unknown}: no such field; correct its spelling or remove it`;
  for (const list of LISTS) {
    const fault = listFault(list, request[list]);
    if (fault !== undefined) return fault;
  }
  if (LISTS.every((list) => length(request[list]) === 0)) {
    return 'there is nothing to do: name tables to add, to replace or to remove';
  }
  const { adminKey, requestId } = request;
  if (adminKey === undefined)
    return `adminKey: required; name the workers' environment variable with it, as in \${env:ADMIN_KEY}`;
  if (typeof adminKey !== 'string' || !KEY_REFERENCE.test(adminKey)) {
    return `adminKey: name an environment variable of the workers, as in \${env:ADMIN_KEY}; a key itself is never written down`;
  }
  if (requestId !== undefined && (typeof requestId !== 'string' || requestId === '')) {
    return 'requestId: give a text that is not empty, or leave it out';
  }
  return undefined;
}

function length(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function listFault(list: (typeof LISTS)[number], value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return `${list}: give a list, even for a single table`;
  const wanted = list === 'remove' ? 'string' : 'object';
  const wrong = value.findIndex((entry) => typeof entry !== wanted || entry === null || Array.isArray(entry));
  if (wrong >= 0) {
    const remedy = list === 'remove' ? 'give the name of a table' : 'give an object with definition and contributions';
    return `${list}[${wrong}]: ${remedy}`;
  }
  if (list === 'remove') return undefined;
  const undefinedAt = value.findIndex(({ definition }) => typeof definition !== 'object' || definition === null);
  return undefinedAt < 0 ? undefined : `${list}[${undefinedAt}].definition: required (object)`;
}
