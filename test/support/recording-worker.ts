import type { Readable } from 'node:stream';
import type { Contribution } from '../../ingest/core/contributions';
import { IngestError } from '../../ingest/core/errors';
import type { ContributionOperations, OpenContribution, ValueRequest } from '../../ingest/worker/contributions';

/**
 * Takes contributions by value and keeps their bytes: for fuzzing of what is in front of a worker. Everything else is refused.
 */
export class RecordingWorker implements ContributionOperations {
  /** Columns of every table. */
  columns = [
    { name: 'a', type: 'TEXT' },
    { name: 'b', type: 'BLOB' },
  ];
  /** What `receive` throws, if anything. */
  refusal: Error | undefined;
  /** Called for each piece that is read; may wait or throw. */
  onPiece: (piece: Buffer) => Promise<void> | void = () => {};
  readonly loaded: { request: ValueRequest; csv: Buffer; contribution: Contribution }[] = [];

  async receive(request: ValueRequest): Promise<OpenContribution> {
    if (this.refusal) throw this.refusal;
    const pieces: Buffer[] = [];
    return {
      id: this.loaded.length + 1,
      columns: this.columns,
      rows: () => 0,
      load: async (csv) => {
        const failure = await this.read(csv, pieces);
        const contribution = contributionOf(this.loaded.length + 1, request, failure);
        this.loaded.push({ request, csv: Buffer.concat(pieces), contribution });
        return contribution;
      },
    };
  }

  private async read(csv: Readable, pieces: Buffer[]): Promise<IngestError | undefined> {
    try {
      for await (const piece of csv.iterator({ destroyOnReturn: false })) {
        await this.onPiece(piece);
        pieces.push(Buffer.from(piece));
      }
      return undefined;
    } catch (error) {
      if (error instanceof IngestError) return error;
      return new IngestError('INTERNAL', `broken without an IngestError: ${(error as Error).message}`);
    }
  }

  submit = unknown;
  retry = unknown;
  contribution = unknown;
  cancel = unknown;
  asyncContributions = async () => [];
  cancelAsync = async () => [];
}

async function unknown(): Promise<never> {
  throw new IngestError('UNKNOWN_CONTRIBUTION', 'no such contribution');
}

function contributionOf(id: number, request: ValueRequest, failure: IngestError | undefined): Contribution {
  const failed = failure?.details.stage === 'start' ? 'START_FAILED' : 'READ_FAILED';
  return {
    id,
    transactionId: request.transactionId,
    worker: 'w1',
    database: 'd',
    table: request.table,
    chunk: request.chunk,
    overlap: request.overlap,
    url: request.url,
    http: { method: 'GET', data: '', headers: [] },
    charset: request.charset,
    dialect: request.dialect,
    isAsync: false,
    maxRetries: 0,
    numFailedRetries: 0,
    failedRetries: [],
    bytes: 0,
    rows: 0,
    createTime: 1,
    startTime: 1,
    readTime: 1,
    loadTime: 1,
    status: failure === undefined ? 'FINISHED' : failed,
    tmpFile: '',
    httpError: 0,
    systemError: 0,
    error: failure?.message ?? '',
    retryAllowed: failure !== undefined,
    maxNumWarnings: request.maxNumWarnings,
    numWarnings: 0,
    warnings: [],
    rowsLoaded: 0,
  };
}
