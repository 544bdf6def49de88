import type { z } from 'zod';
import type { InputFault } from '../../ingest/core/errors';

type Issue = z.core.$ZodIssue;

/** A path as people write it: `tables[0].contributions[1].pattern`. The empty path is `(input)`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text === '' ? '(input)' : text;
}

/** zod's issues as our list of faults, each with its full path; unions are reduced to the member that was meant. */
export function inputFaults(issues: readonly Issue[], base: readonly PropertyKey[] = []): InputFault[] {
  return issues.flatMap((issue): InputFault[] => {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: pathText([...path, key]),
        message: 'no such field; correct its spelling or remove it',
      }));
    }
    if (issue.code === 'invalid_union') {
      const meant = meantMember(issue.errors);
      if (meant !== undefined) return inputFaults(meant, path);
    }
    // The path ends with the key already.
    if (issue.code === 'invalid_key') return inputFaults(issue.issues, path);
    if (isMissing(issue)) {
      return [{ path: pathText(path), message: `required (${(issue as { expected: string }).expected})` }];
    }
    return [{ path: pathText(path), message: issue.message }];
  });
}

function isMissing(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
}

/** Of a union's members the one that was meant: it recognised the value and disliked something inside. */
function meantMember(members: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const candidates = members.filter((issues) => !issues.some(isOtherMember));
  if (candidates.length === 1) return candidates[0];
  if (candidates.length === 0) return members[0];
  return candidates.find((issues) => issues.some((issue) => issue.path.length > 0));
}

/** True when the member did not apply at all: another type, or an object with `$ref` where none belongs, or the reverse. */
function isOtherMember(issue: Issue): boolean {
  if (issue.path.length === 0) return issue.code === 'invalid_type';
  return issue.path[0] === '$ref' && (isMissing(issue) || issue.code === 'custom');
}
