import { Readable } from 'node:stream';
import { fromWireContribution } from '../../../api/qserv/contribution';
import { toBit } from '../../../api/qserv/fields';
import { loadCsv } from '../../../api/qserv/worker/csv';
import { fromDialectInput } from '../../../api/qserv/worker/target';
import type { Contribution } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import { RowCounter } from '../../source/rows';
import type { OpenContribution, ValueRequest } from '../contributions';
import type { LoadOptions } from '../worker';
import type { RemoteWorkerContext } from './context';
import { inTheirWords } from './contributions';

/** Nothing is sent before the rows come (capability opensContributions): then everything goes at once, as a CSV file. */
export async function receive(context: RemoteWorkerContext, request: ValueRequest): Promise<OpenContribution> {
  const { transactionId, table } = request;
  const { controller } = context;
  const { database: name } = await controller.transaction(transactionId, { context: false, log: false });
  const { tables } = await controller.database(name);
  const known = tables.find(({ definition }) => definition.name === table);
  if (known === undefined) {
    throw new IngestError('UNKNOWN_TABLE', `no such table '${table}' in database '${name}'`, { database: name, table });
  }
  const counter = new RowCounter();
  return {
    id: 0,
    columns: known.definition.schema,
    rows: () => counter.rows,
    load: (csv, options) => send(context, request, csv, counter, options),
  };
}

async function send(
  context: RemoteWorkerContext,
  request: ValueRequest,
  csv: Readable,
  counter: RowCounter,
  { signal, onProgress }: LoadOptions = {},
): Promise<Contribution> {
  const { transactionId, table, chunk, overlap, charset, dialect, maxNumWarnings } = request;
  const fields = {
    transaction_id: String(transactionId),
    table,
    chunk: String(chunk),
    overlap: String(toBit(overlap)),
    charset_name: charset,
    ...fromDialectInput(dialect),
    max_num_warnings: String(maxNumWarnings),
  };
  const counted = async function* () {
    for await (const bytes of csv) {
      count(counter, bytes as Buffer);
      onProgress?.({ source: 0, bytes: counter.bytes, rows: counter.rows });
      yield bytes;
    }
  };
  const name = request.url.slice(request.url.lastIndexOf('/') + 1) || 'rows.csv';
  const content = Readable.from(counted(), { objectMode: false });
  const before = new Set((await sent(context, request)).map(({ id }) => id));
  try {
    const { contrib } = await context.with((client) => client.upload(loadCsv, fields, { name, content }, { signal }));
    return fromWireContribution(contrib);
  } catch (error) {
    return left(context, request, before, error, signal);
  } finally {
    csv.destroy();
  }
}

/** Rows that are too long are the worker's to refuse, and to record. */
function count(counter: RowCounter, bytes: Buffer): void {
  try {
    counter.add(bytes);
  } catch {}
}

/** Contributions by value to the same place, by id. */
async function sent(context: RemoteWorkerContext, request: ValueRequest): Promise<Contribution[]> {
  const { transactionId, table, chunk, overlap } = request;
  const filter = { transactionIds: [transactionId], worker: context.name, table };
  const all = await context.controller.contributions(filter);
  return all.filter((one) => one.url.startsWith('data-') && one.chunk === chunk && one.overlap === overlap);
}

/**
 * What became of a request that failed, be it that the worker refused it, that its rows broke off, or that the reply was lost: the
 * contribution in its final state, or the failure, with `details.contribution` where it left any.
 */
async function left(
  context: RemoteWorkerContext,
  request: ValueRequest,
  before: Set<number>,
  error: unknown,
  signal?: AbortSignal,
): Promise<Contribution> {
  const refused = error instanceof IngestError && error.details.refusal !== undefined;
  const failure = refused ? inTheirWords(error) : error;
  for (const ms of refused ? [0] : context.lookedForMs) {
    await context.pause(ms, signal);
    const found = (await sent(context, request)).find(({ id, status }) => !before.has(id) && status !== 'IN_PROGRESS');
    if (found === undefined) continue;
    if (!(failure instanceof IngestError) || !/^(CREATE|START)_FAILED$/.test(found.status)) return found;
    throw new IngestError(failure.code, failure.message, { ...failure.details, contribution: found.id });
  }
  throw failure;
}
