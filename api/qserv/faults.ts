import type { z } from 'zod';
import { Refusal } from './refusal';

/**
 * The refusal that a real server gives for the first fault of a request's part; all of them are in `error_ext.faults`.
 * docs/contract/README.md §2. Messages of checks beyond types are refusals of their own ([E]), or of the class that they begin with.
 */
export function refusalOf(
  issues: readonly z.core.$ZodIssue[],
  part: 'params' | 'query' | 'body',
  raw: unknown,
): Refusal {
  const texts = issues.map((issue) => textOf(issue, part, raw));
  // A real server reads every field before it refuses a value by a rule of its own.
  const [first = { kind: 'P', tail: '' } as const] = [...texts].sort(
    (a, b) => Number(a.kind === 'E') - Number(b.kind === 'E'),
  );
  const faults = issues.map((issue, i) => ({ path: pathOf(issue), message: texts[i]?.tail ?? issue.message }));
  return new Refusal(first.kind, first.tail, { faults });
}

type Text = Pick<Refusal, 'kind' | 'tail'>;

/** For a body without a field that it must have. */
export function missing(field: string): Text & { kind: 'P' } {
  const tail = `RequestBodyJSON::required<T>[static] required parameter ${field} is missing in the request body`;
  return { kind: 'P', tail };
}

/** For a value of another JSON type than `expected`. */
export function typeMismatch(expected: string, value: unknown): Text & { kind: 'F' } {
  return { kind: 'F', tail: `[json.exception.type_error.302] type must be ${expected}, but is ${jsonType(value)}` };
}

function textOf(issue: z.core.$ZodIssue, part: 'params' | 'query' | 'body', raw: unknown): Text {
  const name = pathOf(issue);
  const value = valueAt(raw, issue.path);
  if (part === 'params') return { kind: 'P', tail: issue.message };
  if (part === 'query') {
    const isMissing = issue.message.startsWith('required');
    return {
      kind: 'P',
      tail: isMissing ? `RequestQuery::${issue.message} mandatory parameter '${name}' is missing` : issue.message,
    };
  }
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') {
    // A real server names the field alone, wherever it stands.
    if (value === undefined) return missing(String(issue.path.at(-1)));
    const expected = issue.code === 'invalid_type' ? issue.expected : 'number';
    if (expected === 'array') {
      const tail = `RequestBodyJSON::requiredColl<T> a value of the required parameter ${name} is not an array`;
      return { kind: 'P', tail };
    }
    if (expected === 'object') {
      return { kind: 'P', tail: "RequestBodyJSON::required<T>[static] parameter 'obj' is not a valid JSON object" };
    }
    return typeMismatch(expected, value);
  }
  const marked = /^\[([APFE])\] ?(.*)$/s.exec(issue.message);
  if (marked) return { kind: marked[1] as Text['kind'], tail: marked[2] ?? '' };
  return { kind: 'E', tail: issue.message };
}

function pathOf({ path }: z.core.$ZodIssue): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');
}

function valueAt(raw: unknown, path: PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return value;
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
