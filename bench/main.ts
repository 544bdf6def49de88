import { benchIndex } from './index';
import { benchLoad } from './load';
import { benchPublish } from './publish';

/** `npm run bench -- NAME [OPTIONS]`: measures one thing and prints it; the last line is JSON. */
const BENCHES: Record<string, (args: string[]) => Promise<unknown>> = {
  index: benchIndex,
  load: benchLoad,
  publish: benchPublish,
};

async function main([name = '', ...args]: string[]): Promise<void> {
  const bench = BENCHES[name];
  if (!bench) throw new Error(`which one? ${Object.keys(BENCHES).join(', ')}`);
  process.stdout.write(`${JSON.stringify(await bench(args))}\n`);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
