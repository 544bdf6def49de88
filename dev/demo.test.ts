import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { privateDir } from '../test/support/servers';
import { checkout } from './files';
import { processesOf } from './identity';

jest.setTimeout(240_000);

/** The commands as a user runs them, on a stack of their own. */
describe('commands', () => {
  const dir = privateDir('demo');

  function command(
    script: string,
    ...args: string[]
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const env = { ...process.env, QSERV_CAMPAIGNS_STACK: dir };
    const child = spawn(process.execPath, [join(checkout, 'dist', 'dev', script), ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  }

  test('demo --once counts the catalog in MariaDB and leaves nothing running; a second one shows the same', async () => {
    const first = await command('demo.js', '--once');
    expect(first).toMatchObject({ code: 0 });
    expect(processesOf(dir)).toEqual([]);
    const result = JSON.parse(first.stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(result).toEqual({
      database: 'test101',
      published: true,
      tables: {
        Object: { rows: 1000, overlap: 157 },
        Source: { rows: 4583, overlap: 0 },
        Filter: { rows: 9, workers: 2 },
      },
      workflowId: 'ingest:local:test101',
      ui: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/ingest%3Alocal%3Atest101$/,
      ),
    });
    const second = await command('demo.js', '--once');
    expect(second.stderr).toContain("an earlier demo's campaign is published");
    expect(JSON.parse(second.stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual(result);
  });

  test('status --json prints one object and nothing else; wrong names and refusals are told by the exit code', async () => {
    const { stdout, code } = await command('stack-cli.js', 'status', '--json');
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout))).toEqual([
      'temporal',
      'controller',
      'workers',
      'master',
      'postgres',
      'processes',
    ]);
    expect(await command('stack-cli.js', 'kill', 'nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no process nobody/),
    });
    expect(await command('stack-cli.js', 'logs', 'campaigns')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ready/m),
    });
    expect(await command('stack-cli.js', 'reset')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing was deleted/),
    });
    expect(existsSync(join(dir, 'mariadb-w1', 'data'))).toBe(true);
    expect(await command('stack-cli.js', 'reset', '--yes')).toMatchObject({ code: 0 });
    expect(existsSync(join(dir, 'mariadb-w1'))).toBe(false);
  });
});
