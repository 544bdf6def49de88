import { Readable } from 'node:stream';
import type { DataConnection, RawRow } from './connection';

/** Bytes gathered before they are passed on. */
const BLOCK = 64 * 1024;
const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

/** A SELECT's rows as text. */
export interface SelectedText {
  /** In LOAD DATA's default dialect, in the connection's character set (utf8mb4). */
  text: Readable;
  /** Whether there is a row: known with the first one, or at the end. */
  any: Promise<boolean>;
}

/**
 * Streams a SELECT's rows as the input of a LOAD DATA, in constant memory: the server is read no faster than the text. The text
 * ends with the last row, and is destroyed with the error when the SELECT fails. The connection must not be used meanwhile.
 */
export function selectText(connection: DataConnection, doing: string, sql: string): SelectedText {
  let block = Buffer.allocUnsafe(BLOCK);
  let used = 0;
  let over = false;
  let found: (any: boolean) => void;
  let failed: (error: unknown) => void;
  const any = new Promise<boolean>((resolve, reject) => {
    found = resolve;
    failed = reject;
  });
  any.catch(() => {});
  const text = new Readable({
    highWaterMark: 4 * BLOCK,
    read: () => {
      if (!over) flow.resume();
    },
  });
  // Whoever waits for rows or for their end hears of it there.
  text.on('error', () => {});
  const flush = (): boolean => {
    const wanted = used === 0 || text.push(block.subarray(0, used));
    block = Buffer.allocUnsafe(BLOCK);
    used = 0;
    return wanted;
  };
  const onRow = (row: RawRow) => {
    if (text.destroyed) return;
    found(true);
    const most = row.reduce((sum, value) => sum + 2 * (value?.length ?? 1) + 1, 0);
    if (used + most > block.length) {
      if (!flush()) flow.pause();
      if (most > block.length) block = Buffer.allocUnsafe(most);
    }
    used = writeLine(block, used, row);
  };
  const flow = connection.flow(doing, sql, onRow);
  flow.done.then(
    () => {
      // Whoever uses the connection next must not find it paused.
      over = true;
      flow.resume();
      flush();
      found(false);
      text.push(null);
    },
    (error) => {
      failed(error);
      text.destroy(error);
    },
  );
  return { text, any };
}

/** Writes a row at `at` and returns where it ends. */
function writeLine(to: Buffer, at: number, row: RawRow): number {
  for (let column = 0; column < row.length; column++) {
    if (column > 0) to[at++] = TAB;
    const value = row[column];
    if (value === null || value === undefined) {
      to[at++] = BACKSLASH;
      to[at++] = 0x4e;
      continue;
    }
    for (let i = 0; i < value.length; i++) {
      const byte = value[i] as number;
      if (byte === TAB || byte === NEWLINE || byte === BACKSLASH) to[at++] = BACKSLASH;
      to[at++] = byte;
    }
  }
  to[at++] = NEWLINE;
  return at;
}
