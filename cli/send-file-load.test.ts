import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BinaryService } from '../test/support/binary-service';
import { commandLine } from '../test/support/command-line';
import { row, values } from '../test/support/object-rows';
import { privateDir } from '../test/support/servers';

let service: BinaryService;
let port: number;
let folder: string;
let chunk: number;

beforeAll(async () => {
  folder = privateDir('send');
  await mkdir(folder);
  service = await BinaryService.create();
  ({ port } = await service.listen());
});
beforeEach(async () => {
  chunk = await service.begin();
});
afterAll(() => service?.close());

const sendFile = (...args: string[]) =>
  commandLine(['send-file', ...args, '--auth-key-env=KEY'], { TEMPORAL_CONFIG_FILE: '/dev/null', KEY: service.key });

async function file(name: string, content: string | object): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const rows = (more: object = {}) => service.catalog.rows(service.catalog.unit(service.transactionId, chunk, more));
const to = () => ['127.0.0.1', String(port), String(service.transactionId)];
const address = () => ({ 'worker-host': '127.0.0.1', 'worker-port': port });

test('FILE: a file of a partitioned table goes into the chunk that its name tells, overlap or not', async () => {
  for (const [i, suffix] of ['', '_overlap'].entries()) {
    const path = await file(`chunk_${chunk}${suffix}.txt`, row(1 + i) + row(3));
    const printed = await sendFile('INGEST', 'FILE', ...to(), 'Object', 'P', path, '--record-size-bytes=7');
    expect(printed).toEqual({ exit: 0, stdout: '', stderr: '' });
  }
  expect(await rows()).toEqual([values(1), values(3)]);
  expect(await rows({ overlap: true })).toEqual([values(2), values(3)]);
  const [first] = await service.catalog.contributions(service.transactionId);
  expect(first).toMatchObject({ url: `file://${hostname()}${folder}/chunk_${chunk}.txt`, status: 'FINISHED' });
});

test('FILE: options reach the worker; --verbose tells what became of it', async () => {
  const path = await file('filters.csv', '1,"\\"é\\""\nx,"g"\n');
  const dialect = [
    '--fields-terminated-by=,',
    '--fields-enclosed-by="',
    '--fields-escaped-by=',
    '--lines-terminated-by=\\n',
  ];
  const more = ['--charset-name=utf8mb4', '--max-num-warnings=5', '--instance-id=qserv', '--admin-auth-key=canary'];
  const { exit, stdout } = await sendFile('FILE', ...to(), 'Filter', 'R', path, '--verbose', ...dialect, ...more);
  expect(exit).toBe(0);
  const [found] = await service.catalog.contributions(service.transactionId);
  const { id } = found as { id: number };
  const lines = stdout.split('\n');
  for (const line of [
    `                     Id: ${id}`,
    `Ingest service location: 127.0.0.1:${port}`,
    ` Transaction identifier: ${service.transactionId}`,
    '      Destination table: Filter',
    '                  Chunk: 0',
    '       Is chunk overlap: 0',
    `        Input file name: ${path}`,
    '             Bytes sent: 17',
    '     Number of warnings: 1',
    '  Number of rows parsed: 2',
    '  Number of rows loaded: 2',
  ]) {
    expect(lines).toContain(line);
  }
  expect(await rows({ table: 'Filter', chunk: 0 })).toEqual([
    [0, 'g'],
    [1, '"é"'],
  ]);
  expect(await service.worker.contribution(id)).toMatchObject({
    charset: 'utf8mb4',
    maxNumWarnings: 5,
    dialect: { fieldsTerminatedBy: ',', fieldsEnclosedBy: '"', fieldsEscapedBy: '\\\\', linesTerminatedBy: '\\n' },
  });
});

test('FILE-LIST and FILE-LIST-TRANS: one file after another', async () => {
  const path = await file(`chunk_${chunk}.txt`, row(1));
  const filters = await file('filters', '1\tu\n');
  const [transaction, table] = [{ 'transaction-id': service.transactionId }, { table: 'Object', type: 'p' }];
  const list = await file('list.json', [
    { ...address(), ...transaction, ...table, path },
    { ...address(), ...transaction, table: 'Filter', type: 'R', path: filters },
  ]);
  const { exit, stdout } = await sendFile('FILE-LIST', list, '-o', 'json');
  expect(exit).toBe(0);
  expect(JSON.parse(stdout).sent).toEqual([
    expect.objectContaining({ table: 'Object', chunk, overlap: false, bytes: row(1).length, numRowsLoaded: 1 }),
    expect.objectContaining({ table: 'Filter', chunk: 0, numRows: 1, numRowsLoaded: 1, numWarnings: 0 }),
  ]);
  const short = await file('short.json', [{ ...address(), path }]);
  expect(await sendFile('FILE-LIST-TRANS', String(service.transactionId), 'Object', 'P', short)).toEqual({
    exit: 0,
    stdout: '',
    stderr: '',
  });
  expect(await rows()).toEqual([values(1), values(1)]);
});

test('the first failure ends the run, and tells what was sent before', async () => {
  const transaction = { 'transaction-id': service.transactionId, table: 'Filter', type: 'R' };
  const [one, two] = [await file('one', '1\tu\n'), await file('two', '2\tg\n')];
  const list = await file('list.json', [
    { ...address(), ...transaction, path: one },
    { ...address(), ...transaction, table: 'Gone', path: two },
    { ...address(), ...transaction, path: two },
  ]);
  const { exit, stdout } = await sendFile('FILE-LIST', list, '-o', 'json');
  expect(exit).toBe(3);
  const { error } = JSON.parse(stdout);
  expect(error.message).toContain(`server error: no such table 'Gone' in database '${service.catalog.database}'.`);
  expect(error.details).toMatchObject({ retryAllowed: true, sent: [{ path: one, numRowsLoaded: 1 }] });
  expect(await rows({ table: 'Filter', chunk: 0 })).toEqual([[1, 'u']]);
});

test('a file that cannot be read to its end is not loaded', async () => {
  const { exit, stderr } = await sendFile('FILE', ...to(), 'Filter', 'R', '/proc/self/mem');
  expect(stderr).toBe('campaign: cannot read /proc/self/mem: EIO: i/o error, read\n');
  expect(exit).toBe(4);
  expect(await rows({ table: 'Filter', chunk: 0 })).toBeNull();
});

test('a wrong key is refused, and printed nowhere', async () => {
  const path = await file('filters', '1\tu\n');
  const words = ['send-file', 'FILE', ...to(), 'Filter', 'R', path, '--debug'];
  for (const how of ['--auth-key=canary', '--auth-key-env=WRONG']) {
    const settings = { TEMPORAL_CONFIG_FILE: '/dev/null', WRONG: 'canary' };
    const { exit, stdout, stderr } = await commandLine([...words, how], settings);
    expect(exit).toBe(5);
    expect(stderr).toContain('server error: not authorized');
    expect(stdout + stderr).not.toContain('canary');
  }
  expect(await service.catalog.contributions(service.transactionId)).toEqual([]);
});
