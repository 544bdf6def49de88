import { writeFileSync } from 'node:fs';
import { invalidInput } from '../ingest/core/errors';
import { noSteps, type StepHook } from '../ingest/core/steps';

export const KILL_VARIABLE = 'QSERV_CAMPAIGNS_KILL_AT';

/**
 * For fault tests: with QSERV_CAMPAIGNS_KILL_AT=STEP@FILE the process kills itself (SIGKILL) when it comes to the named step of a
 * controller's operation and the file does not exist yet; it makes the file first, so that it happens once. Unset: nothing.
 */
export function killAt(setting: string | undefined): StepHook {
  if (!setting) return noSteps;
  const [, wanted, file] = /^([^@]+)@(\/.+)$/.exec(setting) ?? [];
  if (wanted === undefined || file === undefined) {
    throw invalidInput('environment', [{ path: KILL_VARIABLE, message: 'is not of the form STEP@/absolute/file' }]);
  }
  return (step, detail) => {
    if (step !== wanted || !isFirst(file, `${step} ${JSON.stringify(detail)}\n`)) return;
    process.kill(process.pid, 'SIGKILL');
    // The signal ends the process within this call or a moment later; nothing of the step may happen meanwhile.
    return new Promise<void>(() => {});
  };
}

function isFirst(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
