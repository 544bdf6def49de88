import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Report } from './process';

/** Runs a command to its end, telling its last line of output every few seconds. Errors carry the output's end and the remedy. */
export async function runLogged(
  argv: string[],
  report: Report,
  remedy: string,
  { env, progress = (line: string): string | undefined => line }: RunOptions = {},
): Promise<void> {
  const started = Date.now();
  const tail: string[] = [];
  let latest: string | undefined;
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
      latest = progress(line) ?? latest;
    });
  }
  const timer = setInterval(() => {
    if (latest) report(`${latest} (${Math.round((Date.now() - started) / 1000)} s)`);
  }, 5000);
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, killedBy) => resolve(exit ?? killedBy ?? 'unknown'));
    });
    if (code !== 0) throw new Error(`${argv.join(' ')} failed (${code}):\n${tail.join('\n')}\n${remedy}`);
  } finally {
    clearInterval(timer);
  }
}

export interface RunOptions {
  env?: Record<string, string>;
  /** What to tell of a line of output; undefined keeps what was told before. */
  progress?: (line: string) => string | undefined;
}
