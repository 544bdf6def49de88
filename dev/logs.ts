import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess } from './process';

/** Prints the ends of the processes' logs, each line led by the process's name if there are several; then follows them. */
export async function showLogs(
  parts: readonly ManagedProcess[],
  { follow, lines }: { follow?: boolean; lines: number },
): Promise<void> {
  const width = Math.max(...parts.map(({ name }) => name.length));
  const print = (part: ManagedProcess, text: string) => {
    const lead = parts.length > 1 ? `${part.name.padEnd(width)} | ` : '';
    for (const line of text.split('\n')) console.log(lead + line);
  };
  const positions = parts.map(({ logFile }) => sizeOf(logFile));
  for (const part of parts) {
    const tail = part.logTail(lines);
    if (tail !== '') print(part, tail);
  }
  while (follow) {
    await sleep(300);
    for (const [i, part] of parts.entries()) {
      const size = sizeOf(part.logFile);
      // Shorter than before: it was set aside and begun anew.
      const from = size < (positions[i] ?? 0) ? 0 : (positions[i] ?? 0);
      const text = size === from ? '' : read(part.logFile, from, size);
      const whole = text.lastIndexOf('\n') + 1;
      positions[i] = from + Buffer.byteLength(text.slice(0, whole));
      if (whole > 0) print(part, text.slice(0, whole - 1));
    }
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function read(file: string, from: number, to: number): string {
  const buffer = Buffer.alloc(to - from);
  const handle = openSync(file, 'r');
  try {
    return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, from)).toString('utf8');
  } finally {
    closeSync(handle);
  }
}
