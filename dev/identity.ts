import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Which process is which. A process id alone is not enough: it may have been given to another process since it was noted, so
 * it is always kept together with the process's start time, as the text `PID START`.
 */

const hasProc = existsSync('/proc/self/stat');

/** `PID START` of a live process, or undefined when there is none (a zombie counts as none). */
export function identity(pid: number): string | undefined {
  const start = hasProc ? startFromProc(pid) : startFromPs(pid);
  return start === undefined ? undefined : `${pid} ${start}`;
}

export function ownIdentity(): string {
  return identity(process.pid) ?? `${process.pid} unknown`;
}

/** True when the process that was noted still lives. */
export function isSame(noted: string): boolean {
  return identity(Number.parseInt(noted, 10)) === noted.trim();
}

function startFromProc(pid: number): string | undefined {
  const stat = readProc(pid, 'stat');
  if (!stat) return undefined;
  // The command name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, start] = [fields[0], Number(fields[17]), fields[19]];
  // While other threads still end, and hold ports and files, the first one is a zombie already.
  return state === 'X' || (state === 'Z' && threads <= 1) ? undefined : start;
}

function startFromPs(pid: number): string | undefined {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return !state || state.startsWith('Z') ? undefined : start.join('_');
  } catch {
    return undefined;
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

/** Environment variable by which a process started here names the folder it belongs to. */
export const FOLDER_VARIABLE = 'QSERV_CAMPAIGNS_PROCESS';

/** Live processes that belong to the folder or to one below it, whether or not anybody noted their ids. */
export function processesOf(folder: string): number[] {
  const mark = `${FOLDER_VARIABLE}=${folder}`;
  const belongs = (variable: string) => variable === mark || variable.startsWith(`${mark}/`);
  if (hasProc) {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
      .map(Number)
      .filter((pid) => readProc(pid, 'environ')?.split('\0').some(belongs) && identity(pid) !== undefined);
  }
  const list = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 });
  return list
    .split('\n')
    .filter((line) => line.split(' ').some(belongs))
    .map((line) => Number.parseInt(line, 10));
}

/** Kills all processes that belong to the folder and waits until they are gone. */
export async function killProcessesOf(folder: string): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const left = processesOf(folder);
    if (left.length === 0) return;
    for (const pid of left) signal(pid, 'SIGKILL');
    await sleep(50);
  }
  throw new Error(`processes of ${folder} do not end: ${processesOf(folder).join(', ')}`);
}

/** Sends a signal; a process that is gone already is success. */
export function signal(pid: number, how: NodeJS.Signals): void {
  try {
    process.kill(pid, how);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
