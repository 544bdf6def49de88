import type { CampaignProgress } from '../../api/campaign/progress';

/** The campaign as Markdown, for the Temporal UI's current details. */
export function details(progress: CampaignProgress): string {
  const { database, target, phase, totals, tables, transactions, held, heldTotal, undone, error } = progress;
  const lines = [
    `**${database || '…'}** on **${target || '…'}**: ${phase}`,
    '',
    `${totals.contributions} files, ${bytes(totals.bytes)}, ${totals.units} units` +
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
    lines.push(
      '',
      `**${heldTotal} units are held.** Remove the cause, then send \`retry\`; or \`skip\`; or \`abort\`.`,
      '',
    );
    for (const h of held.slice(0, 10)) {
      lines.push(
        `- ${h.table} ${h.chunk}${h.overlap ? ' overlap' : ''} on ${h.worker}: ${h.code}: ${oneLine(h.message)}`,
      );
    }
    if (heldTotal > 10) lines.push(`- … and ${heldTotal - 10} more`);
  }
  if (undone && undone.length > 0) lines.push('', 'Undone:', ...undone.map((line) => `- ${line}`));
  if (error) lines.push('', `**${error.code}**: ${oneLine(error.message)}`);
  return lines.join('\n');
}

function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : n.toFixed(1)} ${units[unit]}`;
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 500);
