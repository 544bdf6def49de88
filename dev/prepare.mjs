// Makes a checkout ready to run: packages installed, TypeScript compiled to dist/. It runs before anything is there, so it uses
// what Node itself has and nothing else. Safe to repeat, and when two run at once: the second waits, and then finds all done.
import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 18, 1];
const checkout = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(checkout, ...parts);
const say = (message) => console.error(`prepare: ${message}`);

try {
  checkNode();
  await withLock(at('.stack', 'prepare.lock'), async () => {
    await installPackages();
    await build();
  });
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}

function checkNode() {
  const version = process.versions.node.split('.').map(Number);
  const differs = OLDEST_NODE.findIndex((part, i) => version[i] !== part);
  if (differs >= 0 && version[differs] < OLDEST_NODE[differs]) {
    throw new Error(`this needs Node.js ${OLDEST_NODE.join('.')} or newer, and this is ${process.versions.node}`);
  }
}

async function installPackages() {
  const wanted = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  if (isInstalled(wanted)) return;
  const total = Object.values(wanted).filter((entry) => !entry.optional).length - 1;
  const count = () => `${countPackages(at('node_modules'))} of at least ${total} packages`;
  // npm tells its scripts where it is; a plain `node dev/prepare.mjs` looks on PATH.
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  await step('npm ci', [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund'], count);
}

/** npm writes its own record of what is installed as its last act, so an interrupted installation has none. */
function isInstalled(wanted) {
  const record = at('node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  const same = (path) => present[path]?.version === wanted[path]?.version;
  const needed = Object.keys(wanted).filter((path) => path !== '' && !wanted[path].optional);
  return needed.every(same) && Object.keys(present).every(same);
}

/** npm makes all folders first, and fills them then. */
function countPackages(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((n, name) => {
    if (name.startsWith('@')) return n + countPackages(join(folder, name));
    return existsSync(join(folder, name, 'package.json')) ? n + 1 : n;
  }, 0);
}

/** Compiles when a source was added, changed or deleted since the last build. */
async function build() {
  const stampFile = at('dist', '.sources.json');
  const sources = listSources();
  const built = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
  if (JSON.stringify(built) === JSON.stringify(sources)) return;
  if (Object.keys(built).some((path) => !(path in sources))) rmSync(at('dist'), { recursive: true });
  rmSync(stampFile, { force: true });
  await step('tsc', [process.execPath, at('node_modules', 'typescript', 'bin', 'tsc'), '-p', checkout]);
  const bundler = at('dist', 'workers', 'bundle.js');
  if (existsSync(bundler)) await step('workflow bundle', [process.execPath, bundler]);
  writeFileSync(stampFile, JSON.stringify(sources));
}

/** Path → what tells that it changed, for all that the build reads. */
function listSources() {
  const { include } = JSON.parse(readFileSync(at('tsconfig.json'), 'utf8'));
  const files = ['tsconfig.json', 'package-lock.json'];
  for (const folder of include.filter((name) => existsSync(at(name)))) {
    for (const name of readdirSync(at(folder), { recursive: true })) {
      if (/\.(ts|tsx|json)$/.test(name)) files.push(join(folder, name));
    }
  }
  const facts = files.sort().map((file) => {
    const { mtimeMs, size } = statSync(at(file));
    return [file, `${mtimeMs} ${size}`];
  });
  return Object.fromEntries(facts);
}

/** Runs one command: a line when it begins, one every five seconds, one with its time at the end; its output only if it fails. */
async function step(name, [command, ...args], progress = () => 'working') {
  const started = Date.now();
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
  say(`${name} …`);
  const timer = setInterval(() => say(`${name}: ${progress()}, ${seconds()}`), 5000);
  const output = [];
  const child = spawn(command, args, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  }).finally(() => clearInterval(timer));
  if (code !== 0) throw new Error(`${name} failed (${code}):\n${Buffer.concat(output).toString('utf8')}`);
  say(`${name}: done, ${seconds()}`);
}

async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; ; told = true) {
      try {
        linkSync(mine, path);
        break;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      const holder = holderOf(path);
      if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true });
      else if (!told) say(`waiting for process ${holder}, which is preparing this checkout`);
      await sleep(100);
    }
  } finally {
    rmSync(mine);
  }
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
