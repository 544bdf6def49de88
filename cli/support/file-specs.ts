import { readFileSync, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { IngestError } from '../../ingest/core/errors';

/** One file and where it goes, as lsst/qserv src/replica/apps/FileIngestApp.cc has it. */
export interface FileSpec {
  host: string;
  port: number;
  transactionId: number;
  /** Base table name. */
  table: string;
  /** P: the file's name tells its chunk; R: a regular table. */
  type: 'P' | 'R';
  /** As the user gave it. */
  path: string;
}

/** A file that can be sent. */
export interface FoundFile extends FileSpec {
  /** Where the file is. */
  file: string;
  chunk: number;
  overlap: boolean;
  /** `file://<this host><canonical path>`. */
  url: string;
}

const UINT32_MAX = 4294967295;

export const transactionId = (text: unknown) => whole('transaction-id', text, 0, UINT32_MAX);
export const workerPort = (text: unknown) => whole('worker-port', text, 1, 65535);

/** A number that a person or a JSON file gave. Errors: INVALID_INPUT. */
export function whole(name: string, value: unknown, min: number, max: number): number {
  const text = String(value);
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw wrong(`${name} is a number from ${min} to ${max}, not '${text}'`);
}

export function tableType(text: string): 'P' | 'R' {
  if (text === 'P' || text === 'R') return text;
  throw wrong(`type is P (partitioned table) or R (regular table), not '${text}'`);
}

/** What all files of a list have in common, with FILE-LIST-TRANS. */
export type CommonSpec = Pick<FileSpec, 'transactionId' | 'table' | 'type'>;

/** Reads a list of files, from standard input when `path` is undefined. Errors: INVALID_INPUT naming the entry. */
export function readFileList(path: string | undefined, common?: CommonSpec): FileSpec[] {
  const list = parseJson(path);
  if (!Array.isArray(list)) throw wrong('the list of files is no JSON array');
  return list.map((entry, i) => {
    try {
      return toSpec(entry, common);
    } catch (error) {
      if (!(error instanceof IngestError)) throw error;
      throw wrong(`[${i}]: ${error.message}`);
    }
  });
}

function toSpec(entry: unknown, common: CommonSpec | undefined): FileSpec {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw wrong('an entry is a JSON object');
  const fields = entry as Record<string, unknown>;
  const text = (key: string): string => {
    const value = fields[key];
    if (typeof value === 'string' && value !== '') return value;
    throw wrong(`no key '${key}', or its value is not a string`);
  };
  const number = (key: string): unknown => {
    const value = fields[key];
    if (typeof value === 'number') return value;
    throw wrong(`no key '${key}', or its value is not a number`);
  };
  return {
    host: text('worker-host'),
    port: workerPort(number('worker-port')),
    ...(common ?? {
      transactionId: transactionId(number('transaction-id')),
      table: text('table'),
      type: tableType(text('type').toUpperCase()),
    }),
    path: text('path'),
  };
}

function parseJson(path: string | undefined): unknown {
  try {
    return JSON.parse(readFileSync(path ?? 0, 'utf8'));
  } catch (error) {
    throw wrong(`cannot read ${path ?? 'standard input'}: ${(error as Error).message}`);
  }
}

/** Looks at a file, whose path `absolute` completes, and at its name. Errors: INVALID_INPUT, SOURCE_MISSING. */
export function findFile(spec: FileSpec, absolute: (path: string) => string): FoundFile {
  const { path, type } = spec;
  const file = realPath(absolute(path));
  if (!statSync(file).isFile()) throw wrong(`${path} is not a regular file`);
  const { chunk, overlap } = type === 'P' ? chunkOf(basename(path)) : { chunk: 0, overlap: false };
  return { ...spec, file, chunk, overlap, url: `file://${hostname()}${file}` };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new IngestError('SOURCE_MISSING', `cannot read ${path}: ${(error as Error).message}`);
  }
}

function chunkOf(name: string): { chunk: number; overlap: boolean } {
  const [, digits, overlap] = /^chunk_([0-9]+)(_overlap)?\.txt$/.exec(name) ?? [];
  const chunk = Number(digits);
  if (digits !== undefined && chunk <= UINT32_MAX) return { chunk, overlap: overlap !== undefined };
  throw wrong(
    `${name}: files of partitioned tables have names like 'chunk_<chunk>.txt' and 'chunk_<chunk>_overlap.txt'`,
  );
}

function wrong(what: string): IngestError {
  return new IngestError('INVALID_INPUT', what);
}
