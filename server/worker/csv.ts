import { toWireContribution } from '../../api/qserv/contribution';
import { refusalOf } from '../../api/qserv/faults';
import { Refusal } from '../../api/qserv/refusal';
import { csvFields, loadCsv, toCsvRequest } from '../../api/qserv/worker/csv';
import type { ValueRequest } from '../../ingest/worker/contributions';
import { bodyChunks } from '../http/body';
import { checkKeys, type ServiceKeys } from '../http/keys';
import { saying } from '../http/refusals';
import { type Call, type Route, route } from '../http/route';
import { checkVersion } from '../http/version';
import { type Form, readForm } from './form';
import { boundaryOf } from './multipart';
import type { WorkerServices } from './services';
import { loaded, NOT_RECEIVED_FILE } from './texts';

/** Contributions whose rows come as a file of CSV in a form, docs/contract/worker.md §3. They go to the worker as they come. */
export function csvRoutes({ worker, keys }: WorkerServices): Route[] {
  return [
    route(loadCsv, async (call) => {
      const chunks = bodyChunks(call.raw.raw);
      try {
        const form = await readForm(chunks, boundary(call));
        const request = checked(call, form, keys);
        const opened = await saying(NOT_RECEIVED_FILE, () => worker.receive(request));
        return { contrib: toWireContribution(loaded(await opened.load(form.content))) };
      } finally {
        // Leaves the rest of the request to whoever lets it pass by.
        chunks.return(undefined).catch(() => {});
      }
    }),
  ];
}

function boundary({ raw }: Call<typeof loadCsv>): string {
  const type = raw.headers['content-type'] ?? '';
  if (!/^multipart\/form-data/i.test(type)) {
    throw new Refusal('A', `${loadCsv.component} the request is not a multipart form data`);
  }
  const named = boundaryOf(type);
  if (named === undefined) throw new Refusal('P', 'the content type of the request names no boundary');
  return named;
}

/** In the contract's order: keys, version, parameters. */
function checked({ raw, client, warn }: Call<typeof loadCsv>, form: Form, keys: ServiceKeys): ValueRequest {
  checkKeys(form.fields, keys, loadCsv.component);
  checkVersion(loadCsv, raw.query as Record<string, unknown>, form.fields, warn);
  const parsed = csvFields.safeParse(form.fields);
  if (!parsed.success) throw refusalOf(parsed.error.issues, 'body', form.fields);
  return toCsvRequest(parsed.data, client, form.fileName);
}
