import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLine } from '../test/support/command-line';
import { privateDir } from '../test/support/servers';

let folder: string;
beforeAll(async () => {
  folder = privateDir('send-file');
  await mkdir(folder);
});

const sendFile = (...args: string[]) =>
  commandLine(['send-file', ...args], { TEMPORAL_CONFIG_FILE: '/dev/null', KEY: 'canary' });

async function file(name: string, content: string | object): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const entry = { 'worker-host': '127.0.0.1', 'worker-port': 1, 'transaction-id': 84, table: 'T', type: 'R', path: 'f' };

describe('usage', () => {
  const FILE = ['FILE', '127.0.0.1', '1', '84', 'Filter'];
  test.each([
    [['LOAD'], "there is no command 'LOAD'"],
    [['INGEST'], "there is no command ''"],
    [['FILE', 'h', '1'], '<worker-host> <worker-port> <transaction-id> <table> <type> <infile>'],
    [['FILE-LIST'], 'arguments are <file-list>'],
    [['FILE-LIST-TRANS', '84'], 'arguments are <transaction-id> <table> <type> <file-list>'],
    [['PARSE', 'a'], 'arguments are <infile> <outfile>'],
    [['FILE', 'h', '0', '84', 'T', 'R', 'f'], "worker-port is a number from 1 to 65535, not '0'"],
    [['FILE', 'h', '1', '-1', 'T', 'R', 'f'], "transaction-id is a number from 0 to 4294967295, not '-1'"],
    [['FILE', 'h', '1', '4294967296', 'T', 'R', 'f'], 'transaction-id is a number from 0 to 4294967295'],
    [[...FILE, 'X', 'f'], "type is P (partitioned table) or R (regular table), not 'X'"],
    [[...FILE, 'R', '/nonexistent'], 'cannot read /nonexistent'],
    [[...FILE, 'R', '/'], '/ is not a regular file'],
    [[...FILE, 'P', '/etc/hostname'], "'chunk_<chunk>.txt' and 'chunk_<chunk>_overlap.txt'"],
    [[...FILE, 'R', 'f', '--fields-terminated-by=;'], "the value ';' of the parameter 'fieldsTerminatedBy'"],
    [[...FILE, 'R', 'f', '--record-size-bytes=0'], 'a number from 1 to 63999984'],
    [[...FILE, 'R', 'f', '--max-num-warnings=x'], 'a number from 0 to 4294967295'],
    [[...FILE, 'R', 'f', '--auth-key=canary', '--auth-key-env=KEY'], 'not both'],
    [[...FILE, 'R', 'f', '--auth-key-env=NOWHERE'], 'the environment variable NOWHERE is not set'],
    [[...FILE, 'R', 'f', '--auth-kez=canary', '--my-key=canary'], "unknown option '--auth-kez=…'"],
  ])('%j', async (args, message) => {
    const { exit, stdout, stderr } = await sendFile(...args);
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout + stderr).not.toContain('canary');
  });

  test.each([
    [{}, 'the list of files is no JSON array'],
    [[entry, 'x'], '[1]: an entry is a JSON object'],
    [[{ ...entry, 'worker-host': 1 }], "[0]: no key 'worker-host', or its value is not a string"],
    [[{ ...entry, 'worker-port': '1' }], "[0]: no key 'worker-port', or its value is not a number"],
    [[{ ...entry, 'worker-port': 65536 }], '[0]: worker-port is a number from 1 to 65535'],
    [[{ ...entry, 'transaction-id': 1.5 }], '[0]: transaction-id is a number from 0'],
    [[{ ...entry, type: 'X' }], '[0]: type is P'],
    [[{ ...entry, path: '' }], "[0]: no key 'path'"],
  ])('the list %j', async (list, message) => {
    const { exit, stderr } = await sendFile('FILE-LIST', await file('list.json', list));
    expect(stderr).toContain(message);
    expect(exit).toBe(2);
  });

  test('a worker that does not answer', async () => {
    const path = await file('chunk_7.txt', '1\n');
    const { exit, stderr } = await sendFile(
      'INGEST',
      'FILE',
      '127.0.0.1',
      '1',
      '84',
      'T',
      'P',
      path,
      '--auth-key-env=KEY',
    );
    expect(stderr).toBe('campaign: ingest service 127.0.0.1:1 does not answer: ECONNREFUSED\n');
    expect(exit).toBe(4);
  });
});

describe('PARSE', () => {
  const rows = '1,"a\\\nb"\n2,c\\\\\n3,d';
  const parse = async (input: string, ...options: string[]) => {
    const [from, to] = [await file('in', input), join(folder, 'out')];
    const printed = await sendFile('PARSE', from, to, ...options);
    return { ...printed, out: printed.exit === 0 ? await readFile(to, 'utf8') : undefined };
  };

  test('copies a file row by row', async () => {
    const { stdout, out } = await parse(rows);
    expect(out).toBe(rows);
    expect(stdout).toBe('read: 18 bytes, wrote: 18 bytes, lines: 3\n');
  });

  test('puts the transaction before each row, as a worker does', async () => {
    const csv = await parse(rows, '--transaction-id=84', '--fields-terminated-by=,', '--fields-enclosed-by="');
    expect(csv.out).toBe('"84",1,"a\\\nb"\n"84",2,c\\\\\n"84",3,d');
    expect(csv.stdout).toBe('read: 18 bytes, wrote: 33 bytes, lines: 3\n');
    expect((await parse('1\n', '--transaction-id=84', '--fields-enclosed-by=')).out).toBe('84\t1\n');
    expect((await parse('', '--transaction-id=84')).out).toBe('');
  });

  test('refuses a row that no worker takes', async () => {
    const { exit, stderr } = await parse(`1\n${'x'.repeat(16 * 1024 * 1024)}\n`);
    expect(exit).toBe(3);
    expect(stderr).toContain('input line 2 exceeds the limit of 16777216 bytes');
  });

  test('refuses a file that is not there', async () => {
    const { exit, stderr } = await sendFile('PARSE', '/nonexistent', join(folder, 'out'));
    expect(exit).toBe(2);
    expect(stderr).toContain('/nonexistent');
  });
});
