/** Classes of failure texts, docs/contract/README.md §2. */
const PREFIX = {
  /** Keys. */
  A: 'failed to pass authorization requirements, ex: ',
  /** Missing or invalid argument. */
  P: 'invalid parameters of the request, ex: ',
  /** Unknown names, wrong JSON type, MySQL, I/O. */
  F: 'operation failed due to: ',
  /** Explicit refusal. */
  E: '',
} as const;
export type RefusalClass = keyof typeof PREFIX;

/** A failure as Qserv's services say it: what `error`, `error_ext` and `warning` of the reply will be. Never holds a secret. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  /** `tail` is what follows the class's own words; `ext` helps programs, `warning` is for people. */
  constructor(
    readonly kind: RefusalClass,
    readonly tail: string,
    readonly ext: Record<string, unknown> = {},
    readonly warning = '',
  ) {
    super(PREFIX[kind] + tail);
  }
}

/** Takes a reply's error text apart. */
export function parseRefusal(error: string): { kind: RefusalClass; tail: string } {
  for (const kind of ['A', 'P', 'F'] as const) {
    if (error.startsWith(PREFIX[kind])) return { kind, tail: error.slice(PREFIX[kind].length) };
  }
  return { kind: 'E', tail: error };
}
