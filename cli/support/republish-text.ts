import type { RepublishProgress } from '../../api/campaign/progress';

/** One republish for people: how it stands, and what it changes. */
export function republishText({
  requestId,
  state,
  added,
  replaced,
  removed,
  error,
  undone,
}: RepublishProgress): string[] {
  const gap = (gapMs: number) => (state === 'done' ? `, out of sight for ${gapMs} ms` : '');
  return [
    `republish ${requestId}: ${state}`,
    ...added.map((name) => `  add ${name}`),
    ...replaced.map(({ table, gapMs }) => `  replace ${table}${gap(gapMs)}`),
    ...removed.map((name) => `  remove ${name}`),
    ...(error ? [`  ${error.code}: ${error.message}`] : []),
    ...(undone ?? []).map((line) => `  undone: ${line}`),
  ];
}
