import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

/** Text fields and then one file as multipart/form-data, docs/contract/worker.md §3; streamed, hence of unknown length. */
export function multipart(
  fields: Record<string, string>,
  file: { name: string; content: Readable },
): { contentType: string; body: Readable } {
  const boundary = `----${randomUUID()}`;
  const disposition = (rest: string) => `--${boundary}\r\nContent-Disposition: form-data; ${rest}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${disposition(`name="${name}"`)}\r\n${value}\r\n`);
  const head = `${disposition(`name="file"; filename="${quoted(file.name)}"`)}Content-Type: application/octet-stream\r\n\r\n`;
  const parts = async function* () {
    yield Buffer.from(texts.join('') + head);
    for await (const chunk of file.content) yield chunk as Buffer;
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  };
  const body = Readable.from(parts(), { objectMode: false });
  return { contentType: `multipart/form-data; boundary=${boundary}`, body };
}

/** As browsers write it. */
function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
