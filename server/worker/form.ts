import { Readable } from 'node:stream';
import { Refusal } from '../../api/qserv/refusal';
import { IngestError } from '../../ingest/core/errors';
import { MultipartReader } from './multipart';

/** Text fields before the file, and the bytes of one. */
const MAX_FIELDS = 100;
const MAX_FIELD_BYTES = 64 * 1024;

/** A form up to the file in it. */
export interface Form {
  fields: Record<string, string>;
  fileName: string;
  /** The file. Ends only when the whole request has come and holds no other file; else it breaks with an IngestError. */
  content: Readable;
}

/**
 * Reads a form as it comes, docs/contract/worker.md §3: text fields, then exactly one file; fields behind it are ignored. What comes
 * before the file is checked by then, the rest while the file is read. Refusals are a real server's.
 */
export async function readForm(chunks: AsyncIterable<Buffer>, boundary: string): Promise<Form> {
  const parts = new MultipartReader(chunks, boundary);
  const fields: Record<string, string> = Object.create(null);
  for (let count = 0; ; count++) {
    const head = await parts.next();
    if (head === undefined) throw new Refusal('E', 'no file was sent in the request');
    if (head.fileName !== '') {
      const content = Readable.from(onlyFile(parts), { objectMode: false });
      // Its failures are told by whoever reads it; nobody may.
      content.on('error', () => {});
      return { fields, fileName: head.fileName, content };
    }
    if (count >= MAX_FIELDS) throw new Refusal('P', `there are more than ${MAX_FIELDS} fields`);
    fields[head.name] = await text(parts, head.name);
  }
}

async function* onlyFile(parts: MultipartReader): AsyncGenerator<Buffer> {
  yield* parts.content();
  for (let head = await parts.next(); head !== undefined; head = await parts.next()) {
    if (head.fileName !== '') throw new IngestError('SOURCE_BROKEN', 'the service only allows one file per request');
  }
}

async function text(parts: MultipartReader, name: string): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of parts.content()) {
    bytes += piece.length;
    if (bytes > MAX_FIELD_BYTES) {
      throw new Refusal('P', `the value of the parameter ${name} is longer than ${MAX_FIELD_BYTES} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
