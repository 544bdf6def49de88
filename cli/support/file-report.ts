import type { SentContribution } from '../../ingest/worker/remote/binary-client';
import type { FoundFile } from './file-specs';

/** What is told of a file that was sent. Times in milliseconds since the Unix epoch. */
export interface SentFile extends FoundFile, SentContribution {
  started: number;
  finished: number;
}

/** The lines that `qserv-replica-file --verbose` prints, lsst/qserv src/replica/apps/FileIngestApp.cc. */
export function reportLines(file: SentFile): string[] {
  const seconds = Math.max(1, file.finished - file.started) / 1000;
  const facts: [string, string | number][] = [
    ['Id', file.id],
    ['Ingest service location', `${file.host}:${file.port}`],
    ['Transaction identifier', file.transactionId],
    ['Destination table', file.table],
    ['Chunk', file.chunk],
    ['Is chunk overlap', file.overlap ? 1 : 0],
    ['Input file name', file.path],
    ['Start  time', dateTime(file.started)],
    ['Finish time', dateTime(file.finished)],
    ['Elapsed time', `${seconds.toFixed(3)} sec`],
    ['Bytes sent', file.bytes],
    ['MByte/sec', (file.bytes / 1e6 / seconds).toFixed(3)],
    ['Number of warnings', file.numWarnings],
    ['Number of rows parsed', file.numRows],
    ['Number of rows loaded', file.numRowsLoaded],
  ];
  return [...facts.map(([name, value]) => `${name.padStart(23)}: ${value}`), ''];
}

/** Local time. */
function dateTime(ms: number): string {
  const at = new Date(ms);
  const local = new Date(ms - at.getTimezoneOffset() * 60_000);
  return local.toISOString().replace('T', ' ').replace('Z', '');
}
