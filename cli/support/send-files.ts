import { type FileHandle, open } from 'node:fs/promises';
import type { HandshakeRequest } from '../../api/binary/messages';
import { IngestError } from '../../ingest/core/errors';
import { type SendOptions, sendContribution } from '../../ingest/worker/remote/binary-client';
import { asCommandError, CommandError } from './exit';
import type { SentFile } from './file-report';
import { type FileSpec, findFile } from './file-specs';

/** Read from a file at once. */
const READ_BYTES = 1024 * 1024;

/** What all files of a command line have in common. */
export interface SendSettings extends Pick<HandshakeRequest, 'authKey' | 'dialect' | 'maxNumWarnings' | 'charset'> {
  /** Bytes of a file in one message. */
  recordBytes: number;
  trace?: SendOptions['trace'];
  /** Completes a path as the user gave it. */
  absolute: (path: string) => string;
}

/** Sends files one after another. The first failure is the last: its `details.sent` tells of those before it. */
export async function sendFiles(
  specs: FileSpec[],
  settings: SendSettings,
  onSent: (file: SentFile) => void,
): Promise<SentFile[]> {
  const sent: SentFile[] = [];
  try {
    for (const spec of specs) {
      const file = await sendFile(spec, settings);
      sent.push(file);
      onSent(file);
    }
  } catch (error) {
    const { exit, code, message, details } = asCommandError(error);
    throw new CommandError(exit, code, message, { ...details, sent });
  }
  return sent;
}

async function sendFile(spec: FileSpec, settings: SendSettings): Promise<SentFile> {
  const found = findFile(spec, settings.absolute);
  const { host, port, transactionId, table, chunk, overlap: isOverlap, url, file } = found;
  const { authKey, dialect, maxNumWarnings, charset, recordBytes, trace } = settings;
  const handle = await open(file).catch((error) => {
    throw new IngestError('SOURCE_DENIED', `cannot read ${spec.path}: ${error.message}`);
  });
  const started = Date.now();
  try {
    const done = await sendContribution(
      { host, port },
      { transactionId, table, chunk, isOverlap, authKey, url, dialect, maxNumWarnings, charset },
      bytesOf(handle, spec.path, recordBytes),
      { recordBytes, ...(trace ? { trace } : {}) },
    );
    return { ...found, ...done, started, finished: Date.now() };
  } finally {
    await handle.close();
  }
}

async function* bytesOf(handle: FileHandle, path: string, recordBytes: number): AsyncGenerator<Buffer> {
  const highWaterMark = Math.min(recordBytes, READ_BYTES);
  try {
    yield* handle.createReadStream({ highWaterMark, autoClose: false });
  } catch (error) {
    const what = `cannot read ${path}: ${(error as Error).message}`;
    throw new IngestError('SOURCE_BROKEN', what, { retryAllowed: true });
  }
}
