import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { abortCommand } from './abort';
import { cancelCommand } from './cancel';
import { closeCommand } from './close';
import { deleteCommand } from './delete';
import { listCommand } from './list';
import { planCommand } from './plan';
import { republishCommand } from './republish';
import { retryCommand } from './retry';
import { sendFileCommand } from './send-file';
import { skipCommand } from './skip';
import { startCommand } from './start';
import { statusCommand } from './status';
import { type Environment, packageRoot } from './support/environment';
import { asCommandError, EXIT, EXIT_HELP } from './support/exit';
import { type Format, outputOption, printError } from './support/output';

const COMMANDS = [
  planCommand,
  startCommand,
  statusCommand,
  listCommand,
  closeCommand,
  retryCommand,
  skipCommand,
  abortCommand,
  cancelCommand,
  republishCommand,
  deleteCommand,
  sendFileCommand,
];

/** Runs one command line (without node and script) and returns its exit code. */
export async function runCommandLine(args: string[], environment: Environment): Promise<number> {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  const program = new Command('campaign')
    .description('Campaigns that load catalogs into Qserv')
    .version(version)
    .addHelpText('after', EXIT_HELP)
    .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })
    .exitOverride();
  for (const make of COMMANDS) {
    const command = make(environment).copyInheritedSettings(program);
    program.addCommand(command.addOption(outputOption()));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    const failure = asCommandError(error);
    // Commander has written its own complaints already.
    if (failure.code !== 'USAGE' || failure.details.ids) printError(wantedFormat(args), failure);
    return failure.exit;
  }
}

/** Commander repeats an option that it does not know, with its value, which may be a key. */
function withoutValues(text: string): string {
  return text.replace(/('--?[\w-]+=)[^']*/g, '$1…');
}

function wantedFormat(args: string[]): Format {
  const at = args.findIndex((arg) => arg === '-o' || arg === '--output');
  const text =
    at >= 0 ? args[at + 1] : args.find((arg) => /^(-o|--output=)./.test(arg))?.replace(/^(-o|--output=)/, '');
  return text === 'json' ? 'json' : 'text';
}
