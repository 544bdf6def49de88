import { runCommandLine } from '../../cli/program';
import { Environment } from '../../cli/support/environment';

export interface Printed {
  exit: number;
  stdout: string;
  stderr: string;
}

/** Runs `campaign` with these arguments and settings in this process, and collects what it prints. */
export async function commandLine(args: string[], settings: Record<string, string | undefined>): Promise<Printed> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  try {
    const exit = await runCommandLine(args, Environment.read(settings));
    return { exit, ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
