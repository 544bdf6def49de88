import { Readable } from 'node:stream';
import { toWireContribution } from '../../api/qserv/contribution';
import { type DataFields, loadRows, toDataRequest } from '../../api/qserv/worker/data';
import type { Contribution } from '../../ingest/core/contributions';
import { JsonRowsConverter } from '../../ingest/source/json-rows';
import type { OpenContribution } from '../../ingest/worker/contributions';
import { saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import { RowsRequests } from './rows-request';
import type { WorkerServices } from './services';
import { Spool } from './spool';
import { loaded, NOT_RECEIVED_ROWS } from './texts';

/** Contributions whose rows come as JSON, docs/contract/worker.md §2. */
export function dataRoutes({ worker, keys, spoolFolder, limits }: WorkerServices): Route[] {
  const requests = new RowsRequests(keys, limits);
  return [
    route(loadRows, async (call) => {
      const spool = new Spool(spoolFolder);
      try {
        const fields = await requests.read(call, spool);
        const opened = await saying(NOT_RECEIVED_ROWS, () => worker.receive(toDataRequest(fields, call.client)));
        return { contrib: toWireContribution(loaded(await load(opened, fields, spool))) };
      } finally {
        await spool.close();
      }
    }),
  ];
}

async function load(opened: OpenContribution, fields: DataFields, spool: Spool): Promise<Contribution> {
  const csv = Readable.from(converted(opened, fields, spool), { objectMode: false });
  csv.on('error', () => {});
  try {
    return await opened.load(csv);
  } finally {
    csv.destroy();
  }
}

async function* converted({ columns }: OpenContribution, fields: DataFields, spool: Spool): AsyncGenerator<Buffer> {
  const converter = new JsonRowsConverter({ columns, encoding: fields.binary_encoding, charset: fields.charset_name });
  for await (const piece of spool.read()) yield* converter.write(piece);
  yield* converter.end();
}
