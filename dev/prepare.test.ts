import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { privateDir } from '../test/support/servers';
import { checkout } from './files';

const run = promisify(execFile);

jest.setTimeout(120_000);

/** A checkout of two sources, with its packages installed. */
function makeCheckout(): {
  prepare(): Promise<string>;
  write(file: string, text: string): void;
  at(file: string): string;
} {
  const dir = privateDir('checkout');
  const at = (file: string) => join(dir, file);
  const write = (file: string, text: string) => {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };
  const options = { outDir: 'dist', rootDir: '.', module: 'nodenext', target: 'es2022', strict: true, types: [] };
  write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['dev', 'src'] }));
  write('package.json', '{"type":"commonjs"}');
  write('package-lock.json', '{"packages":{"":{}}}');
  write('node_modules/.package-lock.json', '{"packages":{}}');
  symlinkSync(join(checkout, 'node_modules', 'typescript'), at('node_modules/typescript'));
  write('src/a.ts', 'export const a: number = 1;\n');
  write('src/b.ts', 'export const b: number = 2;\n');
  mkdirSync(at('dev'));
  copyFileSync(join(checkout, 'dev', 'prepare.mjs'), at('dev/prepare.mjs'));
  return { at, write, prepare: async () => (await run(process.execPath, [at('dev/prepare.mjs')])).stderr };
}

test('compiles what changed, once, also when two run at the same time', async () => {
  const { at, write, prepare } = makeCheckout();
  const outputs = await Promise.all([prepare(), prepare()]);
  expect(outputs.join('').match(/tsc: done/g)).toHaveLength(1);
  expect(existsSync(at('dist/src/a.js'))).toBe(true);
  expect(await prepare()).toBe('');

  write('src/a.ts', 'export const a: number = 11;\n');
  expect(await prepare()).toMatch(/tsc: done/);
  rmSync(at('src/b.ts'));
  expect(await prepare()).toMatch(/tsc: done/);
  expect(existsSync(at('dist/src/b.js'))).toBe(false);
});

test('fails with the compiler’s words, every time until it is mended', async () => {
  const { write, prepare } = makeCheckout();
  write('src/a.ts', 'export const a: number = "one";\n');
  for (let i = 0; i < 2; i++) await expect(prepare()).rejects.toThrow(/tsc failed[\s\S]*src\/a\.ts/);
  write('src/a.ts', 'export const a: number = 1;\n');
  expect(await prepare()).toMatch(/tsc: done/);
});

test('takes over from one that was killed', async () => {
  const { write, prepare } = makeCheckout();
  write('.stack/prepare.lock', '999999999');
  expect(await prepare()).toMatch(/tsc: done/);
});
