import type { CampaignProgress } from '../../api/campaign/progress';
import { bytes } from '../../ingest/core/bytes';
import { plural, table } from './output';
import { republishText } from './republish-text';

/** A campaign's progress for people. */
export function progressText(progress: CampaignProgress): string[] {
  const { workflowId, database, target, phase, totals, transactions, tables, held, heldTotal, undone, error } =
    progress;
  const { planned, committed, aborted, open } = transactions;
  const again = totals.alreadyCommitted > 0 ? `; ${plural(totals.alreadyCommitted, 'unit')} stood already` : '';
  const lines = [
    `${workflowId}: ${phase}`,
    // Known when the input has been looked at.
    ...(database ? [`database ${database} on ${target}`] : []),
    `${plural(totals.contributions, 'file')}, ${bytes(totals.bytes)}, ${plural(totals.units, 'unit')}${again}`,
    `super-transactions: ${planned} planned, ${open} open, ${committed} committed, ${aborted} aborted`,
  ];
  if (tables.length > 0) {
    const rows = tables.map((t) => [t.table, t.kind, t.units, t.unitsDone, t.unitsHeld, t.rows, bytes(t.bytes)]);
    lines.push('', ...table(['TABLE', 'KIND', 'UNITS', 'DONE', 'HELD', 'ROWS', 'LOADED'], rows));
  }
  if (heldTotal > 0) {
    lines.push('', `held: ${plural(heldTotal, 'unit')}`);
    if (phase === 'held') {
      const again = (progress.republishes ?? []).some(({ state }) => state === 'running')
        ? 'then send the request again under another id'
        : 'then start again; what is committed is not loaded twice';
      lines.push(
        `when the cause is gone: campaign retry ${workflowId}; to go on without: campaign skip ${workflowId}`,
        `to load corrected files: campaign abort ${workflowId}, ${again}`,
      );
    }
    for (const unit of held) {
      const place = `${unit.table}${unit.chunk ? ` ${unit.chunk}` : ''}${unit.overlap ? ' overlap' : ''}`;
      lines.push(`  ${place} on ${unit.worker || 'no worker'}: ${unit.code}: ${unit.message}`);
    }
    if (heldTotal > held.length) lines.push(`  and ${heldTotal - held.length} more`);
  }
  if (phase === 'held' && heldTotal === 0) {
    lines.push(
      '',
      `waits for a decision: campaign retry ${workflowId} when the cause is gone, campaign skip ${workflowId} to go on without it, ` +
        `or campaign abort ${workflowId}`,
    );
  }
  if (progress.finished?.length) lines.push('', 'after publishing:', ...progress.finished.map((line) => `  ${line}`));
  // A campaign that ended long ago knows of none.
  for (const republish of progress.republishes ?? []) lines.push('', ...republishText(republish));
  if (undone?.length) lines.push('', 'undone:', ...undone.map((line) => `  ${line}`));
  if (error) lines.push('', `${error.code}: ${error.message}`);
  return lines;
}
