import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { defaultStackDir } from './files';
import { showLogs } from './logs';
import { Stack } from './stack';
import type { StackStatus } from './stack-status';

const stack = new Stack({
  dir: defaultStackDir(),
  report: (name, message) => console.error(`${name.padEnd(15)} ${message}`),
});

const program = new Command('stack').description(
  'The development stack: PostgreSQL, MariaDB, Temporal, our own processes',
);

program
  .command('up')
  .description('start everything that does not run')
  .action(async () => {
    await stack.up();
    console.log(overview(stack.status()));
  });

program
  .command('status')
  .description('what runs, and where')
  .option('--json', 'one JSON object, passwords included')
  .action(({ json }: { json?: boolean }) => {
    console.log(json ? JSON.stringify(stack.status()) : overview(stack.status()));
  });

program
  .command('logs')
  .description('the end of the logs of one process, or of all')
  .argument('[name]')
  .option('-f, --follow', 'go on as they grow')
  .option('-n, --lines <number>', 'lines of each', Number, 40)
  .action((name: string | undefined, options: { follow?: boolean; lines: number }) =>
    showLogs(name === undefined ? stack.parts : [stack.part(name)], options),
  );

program
  .command('env')
  .description('settings for clients of this stack, for: eval "$(npm run --silent stack -- env)"')
  .action(() => {
    for (const [name, value] of Object.entries(stack.environment())) {
      if (value !== undefined) console.log(`export ${name}='${value}'`);
    }
  });

program
  .command('source')
  .description('let campaigns read the files below a folder, as root://NAME/...; starts the stack')
  .argument('<name>')
  .argument('<folder>')
  .action(async (name: string, folder: string) => {
    // npm run changes the folder.
    await stack.addSourceRoot(name, resolve(process.env.INIT_CWD ?? '', folder));
    await stack.up();
  });

program
  .command('down')
  .description('stop everything; data stay')
  .action(() => stack.down());

program
  .command('reset')
  .description('stop everything and delete all data')
  .option('--yes', 'do not ask')
  .action(async ({ yes }: { yes?: boolean }) => {
    if (!yes && !(await confirmed(`Delete all data in ${stack.dir}? [y/N] `))) {
      throw new Error('nothing was deleted; --yes deletes without asking');
    }
    await stack.reset();
    console.error('all data deleted');
  });

program
  .command('kill')
  .description('send a signal to one process')
  .argument('<name>')
  .option('-s, --signal <signal>', 'which', 'SIGKILL')
  .action((name: string, { signal }: { signal: NodeJS.Signals }) => stack.kill(name, signal));

program
  .command('restart')
  .description('stop one process and start it again')
  .argument('<name>')
  .action((name: string) => stack.restart(name));

program.parseAsync().catch((error: Error) => {
  console.error(`stack: ${error.message}`);
  process.exitCode = 1;
});

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

function overview({ temporal, controller, workers, master, postgres, processes }: StackStatus): string {
  const mysql = [{ name: 'master', mysql: master.mysql }, ...workers].map(
    ({ name, mysql }) =>
      `  MariaDB ${name.padEnd(8)}${mysql ? `${mysql.host}:${mysql.port}, user ${mysql.user}` : '-'}`,
  );
  return [
    ...processes.map(({ name, pid, state }) => `  ${name.padEnd(18)}${state}${pid === null ? '' : ` (${pid})`}`),
    '',
    `  Temporal UI     ${temporal?.ui ?? '-'}`,
    `  Temporal        ${temporal ? `${temporal.address}, namespace ${temporal.namespace}` : '-'}`,
    `  PostgreSQL      ${postgres ? new URL(postgres.url).host : '-'}`,
    ...mysql,
    `  REST controller ${controller?.url ?? '-'}`,
    ...workers.map(
      ({ name, httpUrl, binaryPort }) =>
        `  REST ${name.padEnd(11)}${httpUrl ?? '-'}, binary protocol ${binaryPort ?? '-'}`,
    ),
  ].join('\n');
}
