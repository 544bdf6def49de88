import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from './files';
import { withLock } from './lock';
import type { Report } from './process';
import { findProgram } from './programs';
import { runLogged } from './run';

const run = promisify(execFile);

/** Release of Temporal's CLI with server 1.29 and UI 2.42. */
const VERSION = '1.5.1';
const MODULE = `github.com/temporalio/cli/cmd/temporal@v${VERSION}`;
/** Go release that the module's go.mod asks for. */
const OLDEST_GO: readonly [number, number] = [1, 25];
/** Packages compiled by a build from nothing; only for saying how far it is. */
const PACKAGES = 1300;

const REMEDY = `or install Temporal's CLI ${VERSION} yourself (https://docs.temporal.io/cli) and name it in TEMPORAL_CLI`;

let found: Promise<string> | undefined;

/** Path of Temporal's CLI: TEMPORAL_CLI, else on PATH, else built once by Go into the user's cache, else the SDK's download. */
export function findTemporal(report: Report): Promise<string> {
  found ??= locate(report);
  found.catch(() => {
    found = undefined;
  });
  return found;
}

async function locate(report: Report): Promise<string> {
  const named = process.env.TEMPORAL_CLI;
  if (named) {
    if (!existsSync(named)) throw new Error(`TEMPORAL_CLI names ${named}, which does not exist`);
    return named;
  }
  const installed = findProgram('temporal');
  if (installed) return installed;
  const folder = join(cacheDir(), `temporal-${VERSION}`);
  const built = join(folder, 'temporal');
  if (existsSync(built)) return built;
  return withLock(
    join(cacheDir(), `temporal-${VERSION}.lock`),
    async () => {
      if (existsSync(built)) return built;
      const downloaded = newestDownload(folder);
      if (downloaded) return downloaded;
      const go = await usableGo(report);
      if (go) {
        try {
          await build(go, folder, report);
          return built;
        } catch (error) {
          report(`building Temporal failed, so its release is downloaded instead: ${(error as Error).message}`);
        }
      }
      return download(folder, report);
    },
    (pid) => report(`waiting for process ${pid}, which is getting Temporal's CLI`),
  );
}

/** A Go that can build the module: new enough, or allowed to fetch a newer toolchain. */
async function usableGo(report: Report): Promise<string | undefined> {
  const go = findProgram('go', `${process.env.PATH ?? ''}:/usr/local/go/bin`);
  if (!go) return undefined;
  const { stdout } = await run(go, ['env', 'GOVERSION', 'GOTOOLCHAIN']);
  const [version = '', toolchain = ''] = stdout.trim().split('\n');
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const newEnough = Number(major) > OLDEST_GO[0] || (Number(major) === OLDEST_GO[0] && Number(minor) >= OLDEST_GO[1]);
  if (newEnough || toolchain !== 'local') return go;
  report(`${go} is ${version}; building Temporal's CLI needs go${OLDEST_GO.join('.')} or newer`);
  return undefined;
}

async function build(go: string, folder: string, report: Report): Promise<void> {
  report(`building Temporal's CLI ${VERSION} with Go: some minutes, once`);
  const unfinished = `${folder}.building`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  let packages = 0;
  let modules = 0;
  const progress = (line: string) => {
    if (line.startsWith('go: downloading')) return `downloaded ${++modules} Go modules`;
    if (/^[\w./~-]+$/.test(line)) return `compiled ${++packages} of about ${PACKAGES} Go packages`;
    return undefined;
  };
  // GOFLAGS of the user's may ask for what a module outside of his tree cannot have, such as -mod=vendor.
  const env = { GOBIN: unfinished, GOFLAGS: '', CGO_ENABLED: '0', GO111MODULE: 'on', GOOS: '', GOARCH: '' };
  const flags = ['-v', '-trimpath', '-ldflags', `-s -w -X github.com/temporalio/cli/temporalcli.Version=${VERSION}`];
  await runLogged([go, 'install', ...flags, MODULE], report, `Check Go and its module proxy, ${REMEDY}`, {
    env,
    progress,
  });
  mkdirSync(folder, { recursive: true });
  renameSync(join(unfinished, 'temporal'), join(folder, 'temporal'));
  rmSync(unfinished, { recursive: true, force: true });
}

/** Has the SDK fetch a release as it does for tests: it starts the server once, and keeps the program in `folder`. */
async function download(folder: string, report: Report): Promise<string> {
  report(`downloading Temporal's CLI ${VERSION}`);
  // Takes half a second to load, which every test run would pay.
  const { TestWorkflowEnvironment } = require('@temporalio/testing') as typeof import('@temporalio/testing');
  mkdirSync(folder, { recursive: true });
  const executable = { type: 'cached-download' as const, downloadDir: folder, version: `v${VERSION}` };
  try {
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
    await environment.teardown();
  } catch (error) {
    throw new Error(
      `cannot download Temporal's CLI (${(error as Error).message}): install Go 1.25 or newer, ${REMEDY}`,
      {
        cause: error,
      },
    );
  }
  const program = newestDownload(folder);
  if (!program) throw new Error(`the SDK downloaded Temporal's CLI, but not into ${folder}; ${REMEDY}`);
  return program;
}

/** The SDK names its downloads `temporal-sdk-typescript-…`. */
function newestDownload(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => name.startsWith('temporal-sdk-') && !name.endsWith('.downloading'))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}
