import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout } from '../dev/files';
import { killAt } from './kill-at';

const dir = mkdtempSync(join(tmpdir(), 'kill-at-'));
afterAll(() => rmSync(dir, { recursive: true }));

function run(file: string) {
  const script = `
    const { killAt } = require(${JSON.stringify(join(checkout, 'dist', 'workers', 'kill-at.js'))});
    const hook = killAt(process.argv[1]);
    (async () => { for (const step of ['publish.grant', 'publish.flags', 'done']) { await hook(step, { step }); console.log(step); } })();`;
  return spawnSync(process.execPath, ['-e', script, `publish.flags@${file}`], { encoding: 'utf8' });
}

test('kills the process at the named step, once, and says where', () => {
  const file = join(dir, 'marker');
  const first = run(file);
  expect(first.signal).toBe('SIGKILL');
  expect(first.stdout).toBe('publish.grant\n');
  expect(readFileSync(file, 'utf8')).toBe('publish.flags {"step":"publish.flags"}\n');
  const second = run(file);
  expect(second.signal).toBeNull();
  expect(second.stdout).toContain('done');
});

test('does nothing unless it is set, and refuses what it does not understand', async () => {
  expect(killAt(undefined)('publish.grant', {})).toBeUndefined();
  expect(() => killAt('publish.grant')).toThrow('QSERV_CAMPAIGNS_KILL_AT');
});
