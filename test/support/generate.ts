import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** Rows of the `Object` table of test/support/load-catalog.ts, the same for the same numbers: tab-separated, about 75 bytes each. */
export function objectRow(i: number, seed = 0): string {
  const x = Math.abs(Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1;
  const ra = (x * 360).toFixed(9);
  const decl = (x * 180 - 90).toFixed(9);
  const mag = i % 11 === 0 ? '\\N' : (14 + x * 12).toFixed(4);
  return `${seed * 1_000_000_000 + i}\t${ra}\t${decl}\t${mag}\t${i % 2}\tobj ${i}-${seed}\t${i % 800}\n`;
}

export function objectRows(count: number, seed = 0): string {
  return Array.from({ length: count }, (_, i) => objectRow(i, seed)).join('');
}

/** Writes at least `bytes` of such rows; returns their number. */
export async function writeObjects(path: string, bytes: number, seed = 0): Promise<number> {
  const out = createWriteStream(path);
  let rows = 0;
  let written = 0;
  while (written < bytes) {
    let block = '';
    for (let i = 0; i < 2000; i++) block += objectRow(rows++, seed);
    written += block.length;
    if (!out.write(block)) await new Promise<void>((resolve) => out.once('drain', resolve));
  }
  out.end();
  await finished(out);
  return rows;
}
