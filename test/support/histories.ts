import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { checkout } from '../../dev/files';
import { findTemporal } from '../../dev/temporal-program';

const execute = promisify(execFile);

/**
 * Recorded workflow histories; every change of a workflow must replay them (or use patching). package.json names protobufjs so
 * that Temporal's packages share one copy: with several, the SDK cannot read histories (`type must be a Type`).
 */
const HISTORIES = join(checkout, 'test', 'histories');

/**
 * Writes the history of every run of every workflow there is to test/histories/PREFIX-N.json, without this machine's name and
 * paths. Recording is asked for by RECORD_HISTORIES=PREFIX when campaign tests run.
 */
export async function recordHistories(client: Client, address: string, prefix: string): Promise<void> {
  mkdirSync(HISTORIES, { recursive: true });
  const temporal = await findTemporal(() => {});
  let n = 0;
  for await (const { workflowId, runId } of client.workflow.list()) {
    const run = ['--address', address, '--workflow-id', workflowId, '--run-id', runId];
    const { stdout } = await execute(temporal, ['workflow', 'show', '--output', 'json', ...run], {
      maxBuffer: 2 ** 28,
    });
    const text = stdout.replaceAll(checkout, '/qserv-campaigns').replaceAll(hostname(), 'host');
    n++;
    writeFileSync(join(HISTORIES, `${prefix}-${String(n).padStart(2, '0')}.json`), text);
  }
}

/** What we read of a history in Temporal's JSON; the replayer reads all of it. */
interface RecordedHistory {
  events: [{ workflowExecutionStartedEventAttributes: { workflowId: string; workflowType: { name: string } } }];
}

/** The recorded histories by name. */
export function recordedHistories(): [name: string, history: RecordedHistory][] {
  return readdirSync(HISTORIES)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => [basename(file, '.json'), JSON.parse(readFileSync(join(HISTORIES, file), 'utf8'))]);
}
