import type { CampaignError } from '../../api/campaign/progress';
import type { OpenedDeletion, PlannedTable } from '../../ingest/campaign/deletion';
import { bytes } from '../../ingest/core/bytes';
import { oneLine } from './details';

/** How far a deletion is. */
export interface DeletionState {
  target: string;
  database: string;
  phase: 'checking' | 'deleting' | 'deleted' | 'stopped' | 'failed';
  /** Absent until everything was checked. */
  opened?: OpenedDeletion;
  /** Tables that are gone. */
  gone: PlannedTable[];
  databaseGone: boolean;
  error?: CampaignError;
}

/** What was done, a line each. */
export function deletedLines({ opened, gone, databaseGone, database }: DeletionState): string[] {
  return [
    ...(opened?.ended ?? []),
    ...gone.map(({ table, rows, bytes: size }) => `deleted table ${table}: ${contents(rows, size)}`),
    ...(databaseGone ? [`deleted database ${database}`] : []),
  ];
}

function contents(rows: number, size: number): string {
  if (rows === 0 && size === 0) return 'no rows of a campaign';
  return `${rows} row${rows === 1 ? '' : 's'}, ${bytes(size)}`;
}

/** The deletion as Markdown, for the Temporal UI's current details. */
export function deletionDetails(state: DeletionState): string {
  const { target, database, phase, opened, gone, databaseGone, error } = state;
  const what = opened?.whole === false ? 'Tables of ' : '';
  const lines = [`${what}**${database || '…'}** on **${target || '…'}**: ${phase}`];
  if (opened && opened.tables.length > 0) {
    lines.push('', '| table | kind | rows | of files | |', '|---|---|--:|--:|---|');
    for (const table of opened.tables) {
      const is = gone.includes(table) ? 'deleted' : '';
      lines.push(`| ${table.table} | ${table.kind} | ${table.rows} | ${bytes(table.bytes)} | ${is} |`);
    }
  }
  if (databaseGone) lines.push('', `The database is gone. Where its rows came from stays on record.`);
  for (const line of opened?.ended ?? []) lines.push('', line);
  if (error) lines.push('', `**${error.code}**: ${oneLine(error.message)}`);
  // The UI's frame is a line too low for what it shows: let it cut this one.
  lines.push('', '\u00a0');
  return lines.join('\n');
}
