import type { CampaignError, CampaignProgress } from '../../api/campaign/progress';
import { bytes } from '../../ingest/core/bytes';
import type { InputFault } from '../../ingest/core/errors';

/** The campaign as Markdown, for the Temporal UI's current details. */
export function details(progress: CampaignProgress): string {
  const { database, target, phase, totals, tables, transactions, held, heldTotal, undone, error } = progress;
  const lines = [
    `**${database || '…'}** on **${target || '…'}**: ${phase}`,
    '',
    `${count(totals.contributions, 'file')}, ${bytes(totals.bytes)}, ${count(totals.units, 'unit')}` +
      (totals.alreadyCommitted > 0 ? ` (${totals.alreadyCommitted} more were committed by an earlier campaign)` : ''),
    '',
    `super-transactions: ${transactions.planned} planned, ${transactions.open} open, ` +
      `${transactions.committed} committed, ${transactions.aborted} aborted`,
  ];
  if (tables.length > 0) {
    lines.push('', '| table | kind | units | done | held | rows | loaded |', '|---|---|--:|--:|--:|--:|--:|');
    for (const t of tables) {
      lines.push(
        `| ${t.table} | ${t.kind} | ${t.units} | ${t.unitsDone} | ${t.unitsHeld} | ${t.rows} | ${bytes(t.bytes)} |`,
      );
    }
  }
  if (heldTotal > 0) {
    const again = progress.republishes.some(({ state }) => state === 'running')
      ? 'A corrected file needs a new republish: abort this one and send it again under another id.'
      : 'A corrected file needs a new campaign: abort this one and start again; what is committed is not loaded twice.';
    const hint =
      phase === 'held'
        ? ` Send \`retry\` when the cause is gone, \`skip\` to go on without them, or \`abort\`. ${again}`
        : '';
    lines.push('', `**Held: ${count(heldTotal, 'unit')}.**${hint}`, '');
    for (const h of held.slice(0, 10)) {
      lines.push(
        `- ${h.table} ${h.chunk}${h.overlap ? ' overlap' : ''} on ${h.worker}: ${h.code}: ${oneLine(h.message)}`,
      );
    }
    if (heldTotal > 10) lines.push(`- … and ${heldTotal - 10} more`);
  }
  if (phase === 'held' && heldTotal === 0) {
    lines.push(
      '',
      '**Waits for a decision.** Send `retry` when the cause is gone, `skip` to go on without it, or `abort`.',
    );
  }
  lines.push(...republishLines(progress));
  if (undone && undone.length > 0) lines.push('', 'Undone:', ...undone.map((line) => `- ${line}`));
  if (error) lines.push('', ...failure(error));
  // The UI's frame is a line too low for what it shows: let it cut this one.
  lines.push('', '\u00a0');
  return lines.join('\n');
}

function republishLines({ republishes, finished }: CampaignProgress): string[] {
  const lines: string[] = [];
  if (finished && finished.length > 0)
    lines.push('', 'After publishing:', ...finished.map((line) => `- ${oneLine(line)}`));
  if (republishes.length === 0) return lines;
  lines.push('', '| republish | state | added | replaced (out of sight) | removed |', '|---|---|---|---|---|');
  for (const { requestId, state, added, replaced, removed } of republishes) {
    const gaps = replaced.map(({ table, gapMs }) => `${table} (${gapMs} ms)`);
    lines.push(`| ${requestId} | ${state} | ${added.join(', ')} | ${gaps.join(', ')} | ${removed.join(', ')} |`);
  }
  for (const { requestId, error, undone = [] } of republishes) {
    if (error)
      lines.push('', `Republish ${requestId}:`, ...failure(error), ...undone.map((line) => `- undone: ${line}`));
  }
  return lines;
}

/** The error, and where it lists an input's faults, those, a line each. */
function failure({ code, message, details }: CampaignError): string[] {
  const faults = Array.isArray(details?.faults) ? (details.faults as InputFault[]) : [];
  if (faults.length === 0) return [`**${code}**: ${oneLine(message)}`];
  const shown = faults.slice(0, 20).map((fault) => `- \`${fault.path}\`: ${oneLine(fault.message)}`);
  const more = faults.length > 20 ? [`- … and ${faults.length - 20} more`] : [];
  return [`**${code}**: ${count(faults.length, 'fault')} in the input`, '', ...shown, ...more];
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;

export const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 500);
