import { constants } from 'node:fs';
import { access, type FileHandle, open, readlink, stat } from 'node:fs/promises';
import { brokenFile, sourceError } from './errors';
import { Pace } from './pace';
import type { SourceRules } from './rules';
import type { StoredBytes, StoredFacts } from './stored';

/** One read: large enough that the cost of a chunk does not show, small enough to stay in the cache. */
const READ_BYTES = 256 * 1024;

export async function inspectFile(url: string, path: string): Promise<StoredFacts> {
  try {
    const facts = await stat(path);
    mustBeFile(url, facts.isFile());
    await access(path, constants.R_OK);
    return { bytes: facts.size, mtimeMs: facts.mtimeMs };
  } catch (error) {
    throw brokenFile(url, error);
  }
}

/** `path` is free of symbolic links, see `resolveSourceUrl`. */
export async function openFile(url: string, path: string, rules: SourceRules): Promise<StoredBytes> {
  let file: FileHandle | undefined;
  try {
    // A pipe would be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    mustBeFile(url, facts.isFile());
    await mustBeAt(url, path, file);
    const opened = file;
    return {
      facts: { bytes: facts.size, mtimeMs: facts.mtimeMs },
      chunks: read(url, opened, facts.mtimeMs),
      pace: new Pace(url, rules.stallSeconds),
      close: () => opened.close(),
    };
  } catch (error) {
    await file?.close();
    throw brokenFile(url, error);
  }
}

async function* read(url: string, file: FileHandle, mtimeMs: number): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
      if (bytesRead === 0) break;
      yield buffer.subarray(0, bytesRead);
    }
    if ((await file.stat()).mtimeMs !== mtimeMs)
      throw sourceError('SOURCE_CHANGED', url, 'written to while it was read');
  } catch (error) {
    throw brokenFile(url, error);
  }
}

function mustBeFile(url: string, isFile: boolean): void {
  if (!isFile) throw sourceError('SOURCE_DENIED', url, 'not a regular file');
}

/** What was opened is what was checked, even if somebody put a link in its way in between. Only where the system tells. */
async function mustBeAt(url: string, path: string, file: FileHandle): Promise<void> {
  const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => path);
  if (opened !== path && opened !== `${path} (deleted)`)
    throw sourceError('SOURCE_DENIED', url, 'its path leads elsewhere now');
}
