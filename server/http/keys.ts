import type { Component } from '../../api/qserv/endpoint';
import { typeMismatch } from '../../api/qserv/faults';
import { Refusal } from '../../api/qserv/refusal';
import { isSameKey } from '../../ingest/core/same-key';

/** The services' two shared secrets. An empty one is as good as any: clients must send it. */
export interface ServiceKeys {
  auth: string;
  admin: string;
}

/**
 * Checks the keys of a request that needs one, docs/contract/README.md §6; returns whether its sender is an administrator. The
 * administrator's key, where there is one, is the only one looked at. Refusals name the key's field, never a key.
 */
export function checkKeys(
  fields: Record<string, unknown>,
  keys: ServiceKeys,
  component: Component,
): { isAdmin: boolean } {
  const refuse = (why: string) => new Refusal('A', `${component} ${why}`);
  for (const [field, key, who] of [
    ['admin_auth_key', keys.admin, "administrator's "],
    ['auth_key', keys.auth, ''],
  ] as const) {
    const given = fields[field];
    if (given === undefined) continue;
    if (typeof given !== 'string') {
      const { kind, tail } = typeMismatch('string', given);
      throw new Refusal(kind, tail);
    }
    if (isSameKey(given, key)) return { isAdmin: field === 'admin_auth_key' };
    throw refuse(`${who}authorization key '${field}' in the request doesn't match the one in server configuration`);
  }
  throw refuse(
    "none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.",
  );
}
