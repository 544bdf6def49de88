/** A part of multipart/form-data; one with a file name is a file. */
export interface Part {
  name: string;
  content: string | Buffer;
  fileName?: string;
  type?: string;
}

export const BOUNDARY = '----boundary7MA4YWxk';
export const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`;

/** A body of multipart/form-data as Qserv's clients send it. */
export function multipart(parts: Part[]): Buffer {
  const pieces = parts.flatMap(({ name, content, fileName, type }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n`,
    type === undefined ? '\r\n' : `Content-Type: ${type}\r\n\r\n`,
    content,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, `--${BOUNDARY}--\r\n`].map((piece) => Buffer.from(piece)));
}

/** Text parts for these fields. */
export function textParts(fields: Record<string, string | number>): Part[] {
  return Object.entries(fields).map(([name, value]) => ({ name, content: String(value) }));
}
