import { Readable } from 'node:stream';
import { row } from '../../../test/support/object-rows';
import type { Contribution, DialectInput } from '../../core/contributions';
import type { WorkerHarness } from '../contract';
import type { ReferenceRequest, ValueRequest } from '../contributions';
import type { LoadUnit } from '../worker';

/** A dialect of which nothing is said. */
export const DEFAULTS: DialectInput = {
  fieldsTerminatedBy: '',
  fieldsEnclosedBy: '',
  fieldsEscapedBy: '',
  linesTerminatedBy: '',
};

let chunks = 5000;

/** Sends contributions to a worker as its clients do: by default to a chunk and in a super-transaction of each test's own. */
export class Contributor {
  private tx = 0;
  private chunk = 0;

  constructor(private readonly harness: () => WorkerHarness) {}

  /** Begins a super-transaction, and allocates a chunk. */
  readonly renew = async (): Promise<number> => {
    const h = this.harness();
    this.tx = await h.begin();
    chunks += 1;
    this.chunk = chunks;
    await h.allocate(this.chunk);
    return this.tx;
  };

  /** The partition that contributions go into. */
  readonly place = (more: Partial<LoadUnit> = {}): LoadUnit => {
    const { database } = this.harness();
    return { transactionId: this.tx, database, table: 'Object', chunk: this.chunk, overlap: false, ...more };
  };

  readonly reference = (url: string, more: Partial<ReferenceRequest> = {}): ReferenceRequest => ({
    ...this.target(),
    url,
    http: { method: 'GET', data: '', headers: [] },
    maxRetries: 0,
    isAsync: false,
    ...more,
  });

  readonly byValue = (more: Partial<ValueRequest> = {}): ValueRequest => ({
    ...this.target(),
    channel: 'csv',
    url: 'data-csv://127.0.0.1/a.csv',
    ...more,
  });

  /** By reference, from a file of that content. */
  readonly submit = async (csv: string, more: Partial<ReferenceRequest> = {}): Promise<Contribution> => {
    const url = await this.harness().writeFile(`${++files}.csv`, csv);
    return this.harness().worker.submit(this.reference(url, more));
  };

  /** By value. */
  readonly send = async (csv: string | Readable, more: Partial<ValueRequest> = {}): Promise<Contribution> => {
    const open = await this.harness().worker.receive(this.byValue(more));
    return open.load(typeof csv === 'string' ? Readable.from([Buffer.from(csv)]) : csv);
  };

  /** Opens a contribution by value, and nothing more, where that can be told apart; else sends a row. */
  readonly open = async (more: Partial<ValueRequest> = {}): Promise<unknown> => {
    const { worker } = this.harness();
    const open = await worker.receive(this.byValue(more));
    return worker.capabilities.opensContributions ? open : open.load(Readable.from([Buffer.from(row(1))]));
  };

  /** URL of a file that is not there yet; `appear` puts it there. */
  readonly missing = async (): Promise<{ url: string; appear: (csv: string) => Promise<void> }> => {
    const name = `${++files}.csv`;
    const there = await this.harness().writeFile(`there-${name}`, '');
    return {
      url: there.replace('there-', ''),
      appear: async (csv) => {
        await this.harness().writeFile(name, csv);
      },
    };
  };

  private target() {
    const { tx: transactionId, chunk } = this;
    return { transactionId, table: 'Object', chunk, overlap: false, charset: '', dialect: DEFAULTS, maxNumWarnings: 0 };
  }
}

let files = 0;
