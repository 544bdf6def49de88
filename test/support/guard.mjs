// Waits until the test run that holds the other end of standard input is over, however it ended (Ctrl-C and SIGKILL included).
// Then kills every process that belongs to the run's folder and deletes the folder. Plain JavaScript: it must start at once.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = process.argv[2];
const mark = `QSERV_CAMPAIGNS_PROCESS=${folder}/`;

process.stdin.resume();
await new Promise((ended) => {
  process.stdin.on('end', ended);
  process.stdin.on('error', ended);
});

for (let round = 0; round < 200; round++) {
  const left = processes();
  if (left.length === 0) break;
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // ended by itself
    }
  }
  await sleep(50);
}
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** Processes that dev/process.ts started with a folder below the run's. */
function processes() {
  if (!existsSync('/proc/self/environ')) {
    const list = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 });
    const lines = list.split('\n').filter((line) => line.includes(mark));
    return lines.map((line) => Number.parseInt(line, 10));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environment(name).includes(mark) && !isZombie(name))
    .map(Number);
}

function environment(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function isZombie(pid) {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}
