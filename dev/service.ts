import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkout, readText, shortHash, writeFileAtomic } from './files';
import { type Launch, ManagedProcess, type Report } from './process';

export interface ServiceOptions {
  name: string;
  dir: string;
  /** Entry below dist/ and its arguments. */
  entry: string;
  args?: string[];
  /** Settings for the process, known once the servers have their ports. */
  env: () => Record<string, string | undefined>;
  report?: Report;
}

/** One of our own processes, from dist/. It serves once it has printed a line that begins with `ready`. */
export class ServiceProcess extends ManagedProcess {
  private readonly fingerprintFile: string;

  constructor(private readonly options: ServiceOptions) {
    super(options.name, options.dir, {}, options.report);
    this.fingerprintFile = join(this.dir, 'started-with');
  }

  /** True while it runs with other settings or other code than a start now would give it. */
  get isOutdated(): boolean {
    return this.pid !== undefined && readText(this.fingerprintFile) !== this.fingerprint();
  }

  /** Entry and arguments, from the checkout. */
  get command(): string[] {
    return [join('dist', this.options.entry), ...(this.options.args ?? [])];
  }

  private get script(): string {
    return join(checkout, 'dist', this.options.entry);
  }

  /** Changes with settings, with the configuration file and with the build (dev/prepare.mjs notes what it built from). Holds no secret in clear. */
  private fingerprint(): string {
    const build = readText(join(checkout, 'dist', '.sources.json')) ?? '';
    const env = this.options.env();
    const config = readText(env.QSERV_CAMPAIGNS_CONFIG ?? '') ?? '';
    return shortHash(JSON.stringify(env) + config + build);
  }

  protected override async prepare(): Promise<void> {
    if (!existsSync(this.script)) throw new Error(`${this.script} is not there: run node dev/prepare.mjs`);
    writeFileAtomic(this.fingerprintFile, this.fingerprint());
  }

  protected override async launch(): Promise<Launch> {
    return {
      command: process.execPath,
      args: ['--enable-source-maps', this.script, ...this.command.slice(1)],
      env: this.options.env(),
      cwd: checkout,
    };
  }

  protected override async isReady(): Promise<boolean> {
    return /^ready\b/m.test(this.output);
  }
}
