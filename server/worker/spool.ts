import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { IngestError } from '../../ingest/core/errors';

const PIECE_BYTES = 256 * 1024;

/**
 * Bytes that wait in a file, which is made for the first of them. Its name is gone by then: nobody else can open it, and however this
 * process ends, nothing stays.
 */
export class Spool {
  private length = 0;
  private opened: FileHandle | undefined;

  constructor(private readonly folder: string) {}

  /** Bytes written. */
  get bytes(): number {
    return this.length;
  }

  /** Forgets what was written. */
  clear(): void {
    this.length = 0;
  }

  /** Errors: DISK_FULL. */
  async write(bytes: Buffer): Promise<void> {
    try {
      this.opened ??= await openNameless(this.folder);
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.opened.write(bytes, at, bytes.length - at, this.length);
        at += bytesWritten;
        this.length += bytesWritten;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      throw new IngestError('DISK_FULL', 'no space is left for the rows of the request');
    }
  }

  /** What was written, piece by piece. A piece is good until the next one is asked for. */
  async *read(): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(PIECE_BYTES, this.length));
    for (let at = 0; at < this.length; ) {
      const wanted = Math.min(buffer.length, this.length - at);
      const { bytesRead = 0 } = (await this.opened?.read(buffer, 0, wanted, at)) ?? {};
      if (bytesRead === 0) throw new IngestError('INTERNAL', `rows end after ${at} of ${this.length} bytes`);
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.opened?.close();
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `qserv-rows-${randomBytes(8).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
