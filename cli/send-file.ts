import { Command, InvalidArgumentError } from 'commander';
import type { DialectInput } from '../ingest/core/contributions';
import { DEFAULT_DIALECT, type Dialect, parseDialect } from '../ingest/core/dialect';
import type { IngestError } from '../ingest/core/errors';
import { MAX_RECORD_BYTES } from '../ingest/worker/remote/binary-client';
import { type Environment, userPath } from './support/environment';
import { CommandError, EXIT } from './support/exit';
import { reportLines } from './support/file-report';
import { type FileSpec, readFileList, tableType, transactionId, whole, workerPort } from './support/file-specs';
import { formatOf, note, print } from './support/output';
import { type SendSettings, sendFiles } from './support/send-files';
import { rowPrefix, splitRows } from './support/split-rows';

interface Options extends DialectInput {
  maxNumWarnings: number;
  recordSizeBytes: number;
  charsetName: string;
  authKey: string;
  authKeyEnv?: string;
  transactionId?: number;
  verbose?: true;
  debug?: true;
}

const HELP = `
Commands, as those of qserv-replica-file INGEST:
  FILE <worker-host> <worker-port> <transaction-id> <table> <type> <infile>
        one file
  FILE-LIST <file-list>
        files of a JSON array of {"worker-host":…,"worker-port":…,"transaction-id":…,"table":…,"type":…,"path":…}
  FILE-LIST-TRANS <transaction-id> <table> <type> <file-list>
        files of a JSON array of {"worker-host":…,"worker-port":…,"path":…}
  PARSE <infile> <outfile>
        nothing is sent: copies a file row by row, as a worker splits it
A list that is called - is read from standard input. Types: P for a partitioned table, whose files are called chunk_<chunk>.txt or
chunk_<chunk>_overlap.txt; R for a regular table. Files go one after another; the first failure ends the run. Options with an empty
value keep their defaults.`;

/** `campaign send-file`: what Qserv's own qserv-replica-file does, docs/contract/binary-protocol.md §5. */
export function sendFileCommand(environment: Environment): Command {
  return new Command('send-file')
    .description("send files to a worker's binary ingest service, as qserv-replica-file does")
    .argument('<command>', 'FILE, FILE-LIST, FILE-LIST-TRANS or PARSE')
    .argument('[arguments...]')
    .option('--fields-terminated-by <text>', 'separator of fields: \\t or ,', orDefault('fieldsTerminatedBy'))
    .option('--fields-enclosed-by <text>', 'quote around fields: \\0 (none), \' or "', orDefault('fieldsEnclosedBy'))
    .option('--fields-escaped-by <text>', 'escape character: \\\\', orDefault('fieldsEscapedBy'))
    .option('--lines-terminated-by <text>', 'end of a row: \\n', orDefault('linesTerminatedBy'))
    .option('--max-num-warnings <number>', "warnings to keep; 0 is the worker's default", number(0, 4294967295, 0), 0)
    .option('--record-size-bytes <number>', 'bytes sent at once', number(1, MAX_RECORD_BYTES, 1048576), 1048576)
    .option('--charset-name <name>', "character set of the files; empty is the worker's default", '')
    .option('--auth-key <key>', "the services' key; --auth-key-env keeps it out of lists of processes", '')
    .option('--auth-key-env <name>', 'environment variable that holds the key')
    .option('--admin-auth-key <key>', 'accepted, not sent')
    .option('--instance-id <name>', 'accepted, not sent')
    .option('--transaction-id <number>', 'PARSE: put the transaction before each row, as a worker does', transactionId)
    .option('--verbose', 'print figures of each file')
    .option('--debug', 'print each step to standard error')
    .addHelpText('after', HELP)
    .action((name: string, args: string[], options: Options, command: Command) => {
      // The program of Qserv takes this word first.
      const words = name === 'INGEST' ? args : [name, ...args];
      return run(words[0] ?? '', words.slice(1), options, command, environment);
    });
}

async function run(name: string, args: string[], options: Options, command: Command, { env }: Environment) {
  const format = formatOf(command);
  const path = (text: string) => userPath(text, env);
  const list = (text: string) => (text === '-' ? undefined : path(text));
  const dialect = parseDialect(options);
  const send = async (files: FileSpec[]) => {
    const settings: SendSettings = {
      authKey: keyOf(options, env),
      dialect,
      maxNumWarnings: options.maxNumWarnings,
      charset: options.charsetName,
      recordBytes: options.recordSizeBytes,
      ...(options.debug ? { trace: note } : {}),
      absolute: path,
    };
    const sent = await sendFiles(files, settings, (file) => {
      if (options.verbose && format === 'text') print(format, file, () => reportLines(file));
    });
    if (format === 'json') print(format, { sent }, () => []);
  };
  switch (name) {
    case 'PARSE': {
      const [infile, outfile] = exactly(args, ['infile', 'outfile']);
      const prefix = options.transactionId === undefined ? '' : rowPrefix(options.transactionId, dialect);
      const split = await splitRows(path(infile), path(outfile), prefix);
      return print(format, split, () => [
        `read: ${split.bytesRead} bytes, wrote: ${split.bytesWritten} bytes, lines: ${split.rows}`,
      ]);
    }
    case 'FILE': {
      const words = ['worker-host', 'worker-port', 'transaction-id', 'table', 'type', 'infile'] as const;
      const [host, port, id, table, type, infile] = exactly(args, words);
      const to = { host, port: workerPort(port), transactionId: transactionId(id), table, type: tableType(type) };
      return send([{ ...to, path: infile }]);
    }
    case 'FILE-LIST': {
      const [file] = exactly(args, ['file-list']);
      return send(readFileList(list(file)));
    }
    case 'FILE-LIST-TRANS': {
      const [id, table, type, file] = exactly(args, ['transaction-id', 'table', 'type', 'file-list']);
      return send(readFileList(list(file), { transactionId: transactionId(id), table, type: tableType(type) }));
    }
    default:
      throw usage(`there is no command '${name}': use FILE, FILE-LIST, FILE-LIST-TRANS or PARSE`);
  }
}

function keyOf({ authKey, authKeyEnv }: Options, env: Environment['env']): string {
  if (!authKeyEnv) return authKey;
  if (authKey !== '') throw usage('give --auth-key or --auth-key-env, not both');
  const key = env[authKeyEnv];
  if (key === undefined) throw usage(`the environment variable ${authKeyEnv} is not set`);
  return key;
}

/** The arguments, when they are as many as they should be. */
function exactly<const T extends readonly string[]>(args: string[], names: T): { [K in keyof T]: string } {
  if (args.length === names.length && args.every((arg) => arg !== '')) return args as never;
  throw usage(`arguments are ${names.map((name) => `<${name}>`).join(' ')}`);
}

const usage = (message: string) => new CommandError(EXIT.input, 'INVALID_INPUT', message);

function orDefault(field: keyof Dialect): (text: string) => string {
  return (text) => (text === '' ? DEFAULT_DIALECT[field] : text);
}

function number(min: number, max: number, preset: number): (text: string) => number {
  return (text) => {
    if (text === '') return preset;
    try {
      return whole('it', text, min, max);
    } catch (error) {
      throw new InvalidArgumentError((error as IngestError).message);
    }
  };
}
