import { IngestError } from '../../ingest/core/errors';

const MAX_HEAD_BYTES = 16 * 1024;

export interface PartHead {
  name: string;
  /** '' when the part is no file. */
  fileName: string;
}

/** The boundary that a content type names, or undefined. */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

/**
 * Reads multipart/form-data (RFC 7578) part by part as the bytes are asked for; what is kept is a chunk, or a part's head. Bytes that
 * are not well formed, or end too early, are SOURCE_BROKEN.
 */
export class MultipartReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private readonly delimiter: Buffer;
  /** Read, but not taken yet. The first delimiter may lack its newline. */
  private rest: Buffer = Buffer.from('\r\n');
  private position: 'before' | 'inside' | 'behind' = 'before';

  constructor(chunks: AsyncIterable<Buffer>, boundary: string) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** Head of the next part; what is left of the one before is skipped. Undefined when the request has come to its end. */
  async next(): Promise<PartHead | undefined> {
    if (this.position !== 'behind') for await (const _ of this.content());
    while (this.rest.length < 2) await this.more();
    if (this.rest.subarray(0, 2).equals(Buffer.from('--'))) {
      await this.end();
      return undefined;
    }
    this.position = 'inside';
    return partHead(await this.head());
  }

  /** Bytes of the part. */
  async *content(): AsyncGenerator<Buffer> {
    for (let from = 0; ; ) {
      const at = this.rest.indexOf(this.delimiter, from);
      if (at === -1) {
        const kept = Math.max(0, this.rest.length - this.delimiter.length + 1);
        yield* this.take(kept);
        from = 0;
        await this.more();
        continue;
      }
      yield* this.take(at);
      while (this.rest.length < this.delimiter.length + 2) await this.more();
      const behind = this.rest.toString('latin1', this.delimiter.length, this.delimiter.length + 2);
      if (behind === '--' || behind === '\r\n' || /^[ \t]/.test(behind)) break;
      // A longer line that begins like the delimiter.
      from = 1;
    }
    this.rest = this.rest.subarray(this.delimiter.length);
    this.position = 'behind';
  }

  private *take(length: number): Generator<Buffer> {
    if (length === 0) return;
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    yield taken;
  }

  /** Up to the empty line behind the head, which is taken too. */
  private async head(): Promise<string> {
    for (;;) {
      const at = this.rest.indexOf('\r\n\r\n');
      if (at !== -1 && at <= MAX_HEAD_BYTES) {
        const head = this.rest.toString('utf8', 0, at);
        this.rest = this.rest.subarray(at + 4);
        return head;
      }
      if (this.rest.length > MAX_HEAD_BYTES) throw malformed('the head of a part is too long');
      await this.more();
    }
  }

  /** What follows the last delimiter means nothing. */
  private async end(): Promise<void> {
    this.rest = Buffer.alloc(0);
    while (!(await this.chunks.next()).done);
  }

  private async more(): Promise<void> {
    const { done, value } = await this.chunks.next();
    if (done) throw malformed('they end too early');
    this.rest = this.rest.length === 0 ? value : Buffer.concat([this.rest, value]);
  }
}

function malformed(why: string): IngestError {
  return new IngestError('SOURCE_BROKEN', `the multipart form data are not well formed: ${why}`);
}

function partHead(head: string): PartHead {
  const disposition = /^content-disposition:\s*form-data\s*(;.*)$/im.exec(head)?.[1] ?? '';
  const parameters: Record<string, string> = Object.create(null);
  for (const [, name = '', quoted, plain] of disposition.matchAll(PARAMETER)) {
    parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? plain ?? '';
  }
  return { name: parameters.name ?? '', fileName: extended(parameters['filename*']) ?? parameters.filename ?? '' };
}

const PARAMETER = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g;

/** A value as RFC 5987 encodes it, by which names beyond ASCII are sent. */
function extended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
