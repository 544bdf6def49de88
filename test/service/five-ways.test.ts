import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { databaseDefinition } from '../../api/qserv/database';
import { tableRegistration } from '../../api/qserv/table';
import { checkout } from '../../dev/files';
import { chunkTable } from '../../ingest/core/names';
import { NativeIngestWorker } from '../../ingest/worker/native';
import { sendContribution } from '../../ingest/worker/remote/binary-client';
import { type BinaryServer, createBinaryServer } from '../../server/binary/server';
import { tableFacts } from '../../test/support/checksum';
import { type Answer, ControllerService, KEYS } from '../../test/support/controller-service';
import { MULTIPART, multipart, textParts } from '../../test/support/multipart';
import { dataServer } from '../../test/support/registered';
import { uniqueName } from '../../test/support/servers';
import { WorkerService } from '../../test/support/worker-service';

const CATALOG = join(checkout, 'examples', 'test101');
const FILES = [
  { table: 'Object', chunk: 7480, overlap: false, rows: 1000 },
  { table: 'Object', chunk: 7480, overlap: true, rows: 91 },
  { table: 'Object', chunk: 7310, overlap: true, rows: 66 },
  { table: 'Source', chunk: 7480, overlap: false, rows: 4583 },
];
type InputFile = (typeof FILES)[number];
const pathOf = ({ table, chunk, overlap }: InputFile) =>
  join(CATALOG, 'data', table, `chunk_${chunk}${overlap ? '_overlap' : ''}.txt`);

let controller: ControllerService;
let workers: Map<
  string,
  { worker: NativeIngestWorker; service: WorkerService; url: string; binary: BinaryServer; port: number }
>;
beforeAll(async () => {
  controller = await ControllerService.start();
  workers = new Map();
  for (const { name, mysql } of controller.servers.workers) {
    const sources = { roots: { test101: CATALOG }, stallSeconds: 20 };
    const worker = new NativeIngestWorker({ name, mysql, metadata: controller.metadata, sources });
    const service = WorkerService.start(name, worker);
    const binary = createBinaryServer({ worker, key: KEYS.auth });
    const { port } = await binary.listen(0, '127.0.0.1');
    workers.set(name, { worker, service, url: await service.listen(), binary, port });
  }
});
afterAll(async () => {
  for (const { worker, service, binary } of workers.values()) {
    await service.close();
    await binary.close();
    await worker.close();
  }
  await controller.close();
});

interface Place {
  transactionId: number;
  worker: string;
}
type Way = (file: InputFile, place: Place) => Promise<number>;

const at = ({ worker }: Place) => workers.get(worker) as NonNullable<ReturnType<typeof workers.get>>;
const keys = { auth_key: KEYS.auth, version: 55 };
const target = (file: InputFile, { transactionId }: Place) => ({
  transaction_id: transactionId,
  table: file.table,
  chunk: file.chunk,
  overlap: file.overlap ? 1 : 0,
});

async function request(
  place: Place,
  path: string,
  init: RequestInit,
): Promise<{ id: number; status: string; num_rows_loaded: number }> {
  const reply = (await (await fetch(at(place).url + path, init)).json()) as Answer;
  expect(reply).toMatchObject({ success: 1, error: '', warning: '', contrib: { num_warnings: 0 } });
  return reply.contrib as { id: number; status: string; num_rows_loaded: number };
}

const json = (place: Place, path: string, body: string) =>
  request(place, path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

const byReference = (file: InputFile, place: Place, path: string) =>
  json(
    place,
    path,
    JSON.stringify({ ...keys, ...target(file, place), url: `file://${pathOf(file)}`, fields_terminated_by: ',' }),
  );

/** Numbers are spelled as in the file, what is none is a string. */
function jsonRows(file: InputFile): string {
  const lines = readFileSync(pathOf(file), 'latin1').trimEnd().split('\n');
  const value = (text: string) => (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text) ? text : JSON.stringify(text));
  return `[${lines.map((line) => `[${line.split(',').map(value).join(',')}]`).join(',\n')}]`;
}

const WAYS: Record<string, Way> = {
  'reference-sync': async (file, place) => (await byReference(file, place, '/ingest/file')).num_rows_loaded,
  'reference-async': async (file, place) => {
    const { id } = await byReference(file, place, '/ingest/file-async');
    for (;;) {
      const contrib = await request(place, `/ingest/file-async/${id}?version=55`, {});
      if (contrib.status !== 'IN_PROGRESS') return contrib.num_rows_loaded;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  'JSON rows': async (file, place) => {
    const fields = JSON.stringify({ ...keys, ...target(file, place) }).slice(0, -1);
    return (await json(place, '/ingest/data', `${fields},"rows":${jsonRows(file)}}`)).num_rows_loaded;
  },
  'CSV multipart': async (file, place) => {
    const parts = textParts({ ...keys, ...target(file, place), fields_terminated_by: ',' });
    const content = { name: 'file', fileName: 'file.csv', content: readFileSync(pathOf(file)) };
    const init = { method: 'POST', body: multipart([...parts, content]), headers: { 'content-type': MULTIPART } };
    return (await request(place, '/ingest/csv', init)).num_rows_loaded;
  },
  'binary protocol': async (file, place) => {
    const handshake = {
      transactionId: place.transactionId,
      table: file.table,
      chunk: file.chunk,
      isOverlap: file.overlap,
      authKey: KEYS.auth,
      url: `file://localhost${pathOf(file)}`,
      dialect: { fieldsTerminatedBy: ',', fieldsEnclosedBy: '\\0', fieldsEscapedBy: '\\\\', linesTerminatedBy: '\\n' },
      maxNumWarnings: 64,
      charset: 'latin1',
    };
    async function* content() {
      yield readFileSync(pathOf(file));
    }
    const sent = await sendContribution({ host: '127.0.0.1', port: at(place).port }, handshake, content());
    expect(sent.numWarnings).toBe(0);
    return sent.numRowsLoaded;
  },
};

/** Registers the catalog under a name of its own, loads it in that way and commits; returns what each final table holds. */
async function loaded(way: Way): Promise<Record<string, unknown>> {
  const read = (name: string) => JSON.parse(readFileSync(join(CATALOG, `${name}.json`), 'utf8'));
  const name = uniqueName('ways');
  await controller.controller.registerDatabase({ ...databaseDefinition.parse(read('database_test101')), name });
  for (const table of ['table_Object', 'table_Source']) {
    await controller.controller.registerTable(name, tableRegistration.parse(read(table)).definition);
  }
  const { id: transactionId } = await controller.controller.beginTransaction(name, {});
  const chunks = await controller.controller.allocateChunks({ transactionId }, [7480, 7310]);
  const found: Record<string, unknown> = {};
  for (const file of FILES) {
    const worker = chunks.find(({ chunk }) => chunk === file.chunk)?.worker as string;
    expect(await way(file, { transactionId, worker })).toBe(file.rows);
  }
  await controller.controller.endTransaction(transactionId, 'commit');
  for (const file of FILES) {
    const worker = chunks.find(({ chunk }) => chunk === file.chunk)?.worker;
    const access = controller.servers.workers.find((server) => server.name === worker)?.mysql;
    const server = dataServer('worker', access as NonNullable<typeof access>);
    const table = chunkTable(file.table, file.chunk, file.overlap);
    found[table] = await tableFacts(server, name, table);
    await server.close();
  }
  return found;
}

test('the same catalog, loaded in five ways: equal rows and checksums', async () => {
  const queues = [...workers.values()].map(({ worker }) => worker.runQueue({ threads: 2 }));
  const found: Record<string, unknown> = {};
  try {
    for (const [name, way] of Object.entries(WAYS)) found[name] = await loaded(way);
  } finally {
    await Promise.all(queues.map((queue) => queue.close()));
  }
  const first = found['reference-sync'];
  expect(Object.values(first as object)).toMatchObject(FILES.map(({ rows }) => ({ rows })));
  expect(found).toEqual(Object.fromEntries(Object.keys(WAYS).map((name) => [name, first])));
}, 120_000);
