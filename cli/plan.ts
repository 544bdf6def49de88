import { Command } from 'commander';
import { draftPlan } from '../ingest/campaign/plan';
import type { DraftPlan } from '../ingest/campaign/planning/draft';
import { bytes } from '../ingest/core/bytes';
import { openMetadata } from '../ingest/storage/metadata';
import { CONFIG_VARIABLE } from '../workers/environment';
import { type Environment, userPath } from './support/environment';
import { readInputFile } from './support/input-file';
import { formatOf, note, plural, print, table } from './support/output';
import { readableLedger } from './support/records';

interface PlannedTransaction {
  seq: number;
  units: number;
  contributions: number;
  bytes: number;
}

export function planCommand(environment: Environment): Command {
  return new Command('plan')
    .description('check a campaign file and everything it names, and show what would be loaded; changes nothing')
    .argument('<file>', 'the campaign, JSON')
    .action(async (file: string, _: object, command: Command) => {
      const { input, folder, campaign } = readInputFile(userPath(file, environment.env));
      const draft = await dryRun(environment, input, campaign.target, folder);
      const transactions = cut(draft);
      const { planId, fingerprint, ...summary } = draft.plan.summary;
      print(formatOf(command), { ...summary, fingerprint, transactions }, () => text(draft, transactions));
    });
}

async function dryRun(
  environment: Environment,
  input: unknown,
  target: string | undefined,
  folder: string,
): Promise<DraftPlan> {
  const { config, postgresUrl } = environment;
  if (config === undefined) note(`${CONFIG_VARIABLE} is not set: only ${folder} is a source root`);
  const services = {
    // Without a configuration there is nothing to hold the name against.
    defaultTarget: config?.defaultTarget ?? 'local',
    targets: config ? Object.keys(config.targets) : [target ?? 'local'],
    sources: environment.sourceRules(folder),
  };
  const metadata = postgresUrl ? openMetadata(postgresUrl, 1) : undefined;
  try {
    const ledger = metadata && (await readableLedger(metadata));
    return await draftPlan(input, '', { ...services, ...(ledger ? { ledger } : {}) }, { onProgress: counter() });
  } finally {
    await metadata?.close();
  }
}

/** Says on a terminal how far it is. */
function counter() {
  let last = Date.now();
  return ({ files, bytes: size }: { files: number; bytes: number }) => {
    if (!process.stderr.isTTY || Date.now() - last < 2000) return;
    last = Date.now();
    note(`${plural(files, 'file')}, ${bytes(size)} so far`);
  };
}

function cut(draft: DraftPlan): PlannedTransaction[] {
  const transactions: PlannedTransaction[] = [];
  for (const { transactionSeq: seq, sources, bytes: size } of draft.units()) {
    transactions[seq] ??= { seq, units: 0, contributions: 0, bytes: 0 };
    const entry = transactions[seq];
    entry.units++;
    entry.contributions += sources.length;
    entry.bytes += size;
  }
  return transactions;
}

function text({ plan }: DraftPlan, transactions: PlannedTransaction[]): string[] {
  const { database, target, tables, contributions, units, bytes: size, alreadyCommitted } = plan.summary;
  const rows = tables.map((t) => [t.table, t.kind, t.units, t.contributions, bytes(t.bytes)]);
  const sizes = transactions.map((t) => t.bytes);
  const each = sizes.length > 1 ? ` of ${bytes(Math.min(...sizes))} to ${bytes(Math.max(...sizes))}` : '';
  return [
    `database ${database} on ${target}: the campaign is valid`,
    `${plural(contributions, 'file')}, ${bytes(size)}, ${plural(units, 'unit')} in ${plural(sizes.length, 'super-transaction')}${each}`,
    ...(alreadyCommitted > 0 ? [`${plural(alreadyCommitted, 'unit')} more are committed already`] : []),
    '',
    ...table(['TABLE', 'KIND', 'UNITS', 'FILES', 'SIZE'], rows),
  ];
}
