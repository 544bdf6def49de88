import { createReadStream } from 'node:fs';
import type { HandshakeRequest } from '../../api/binary/messages';
import { type SendOptions, sendContribution } from '../../ingest/worker/remote/binary-client';
import { asCommandError, CommandError } from './exit';
import type { SentFile } from './file-report';
import { type FileSpec, findFile } from './file-specs';

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
  const started = Date.now();
  const done = await sendContribution(
    { host, port },
    { transactionId, table, chunk, isOverlap, authKey, url, dialect, maxNumWarnings, charset },
    createReadStream(file, { highWaterMark: Math.min(recordBytes, 1024 * 1024) }),
    { recordBytes, ...(trace ? { trace } : {}) },
  );
  return { ...found, ...done, started, finished: Date.now() };
}
