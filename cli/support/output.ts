import { type Command, Option } from 'commander';
import type { CommandError } from './exit';

export type Format = 'text' | 'json';

/** The option that every command has. */
export const outputOption = () =>
  new Option('-o, --output <format>', 'how results are printed').choices(['text', 'json']).default('text');

export function formatOf(command: Command): Format {
  return command.optsWithGlobals<{ output: Format }>().output;
}

/** Prints a result: the value itself as JSON, or lines for people. */
export function print(format: Format, value: unknown, text: () => string[]): void {
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify(value)}\n`
      : text()
          .map((line) => `${line}\n`)
          .join(''),
  );
}

/** Tells people, not programs, what goes on. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints why a command failed: each fault of an input on a line of its own, or one JSON object. */
export function printError(format: Format, { code, message, details }: CommandError): void {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
    return;
  }
  const { faults } = details as { faults?: { path: string; message: string }[] };
  if (!Array.isArray(faults)) note(`campaign: ${message}`);
  else for (const fault of faults) note(`${fault.path}: ${fault.message}`);
}

/** Columns padded to the widest cell; numbers to the right. */
export function table(header: string[], rows: (string | number)[][]): string[] {
  const all = [header, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)))];
  const widths = header.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const right = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  return all.map((row) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

const grouped = (n: number) => n.toLocaleString('en-US');

export const plural = (n: number, word: string) => `${grouped(n)} ${word}${n === 1 ? '' : 's'}`;
