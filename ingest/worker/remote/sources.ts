import path from 'node:path';
import { IngestError } from '../../core/errors';
import { filePlace, shownUrl } from '../../core/shown-url';
import { compressionOf } from '../../source/compression';
import { urlWithSecrets, withSecrets } from '../../source/secrets';
import type { ReferenceRequest } from '../contributions';
import type { ContributionSource, LoadRequest } from '../worker';
import type { RemoteWorkerContext } from './context';

/** A source as the worker is asked to read it. */
export interface SentSource {
  source: ContributionSource;
  request: ReferenceRequest;
  /** By which its contributions are found again: the URL that is sent, without what may be secret. */
  shown: string;
  /** What no error may repeat. Where there are any, another request may hold others. */
  secrets: string[];
}

/** INVALID_INPUT for what Qserv's workers cannot read. */
export function sentSources(
  context: RemoteWorkerContext,
  { unit, sources, maxNumWarnings }: LoadRequest,
): SentSource[] {
  if (sources.length === 0) throw new IngestError('INVALID_INPUT', 'a load unit needs at least one source', { unit });
  return sources.map((source) => {
    const compression = compressionOf(source);
    if (compression !== 'none') {
      const message = `${shownUrl(source.url)}: Qserv's workers cannot read ${compression} (capability compressedSources)`;
      throw new IngestError('INVALID_INPUT', message, { capability: 'compressedSources', url: shownUrl(source.url) });
    }
    const resolved: string[] = [];
    const rules = { roots: context.roots, stallSeconds: 0, resolveSecret: noting(context.resolveSecret, resolved) };
    const url = urlWithSecrets(fileUrl(context, source.url), rules);
    const given = source.http?.headers ?? [];
    const headers = given.map((header) => withSecrets(header, `header ${header.split(':')[0]}`, source.url, rules));
    const values = headers.map((header) => header.slice(header.indexOf(':') + 1).trim());
    const data = source.http?.data ?? '';
    const shown = shownUrl(url);
    const request: ReferenceRequest = {
      transactionId: unit.transactionId,
      table: unit.table,
      chunk: unit.chunk,
      overlap: unit.overlap,
      charset: source.charset,
      dialect: source.dialect,
      maxNumWarnings,
      url,
      http: { method: source.http?.method ?? 'GET', data, headers },
      // Whoever asks for the load repeats it.
      maxRetries: 0,
      isAsync: true,
    };
    const signed = shown === url ? [] : [url, new URL(url).search];
    return { source, request, shown, secrets: [...signed, ...values, data, ...resolved] };
  });
}

/** Keeps the values that it gave, for texts that repeat no more than a part of what was sent. */
function noting(resolve: RemoteWorkerContext['resolveSecret'], values: string[]): RemoteWorkerContext['resolveSecret'] {
  return (
    resolve &&
    ((name) => {
      const value = resolve(name);
      if (value !== undefined) values.push(value, encodeURIComponent(value));
      return value;
    })
  );
}

/** `root://NAME/…` and `file://…` as the worker's file system has them: Qserv takes a path as it is spelled, plans encode what is special. */
function fileUrl({ roots }: RemoteWorkerContext, url: string): string {
  const place = filePlace(url);
  if (place === undefined) return url;
  const root = place.root === undefined ? '/' : Object.hasOwn(roots, place.root) ? roots[place.root] : undefined;
  if (root === undefined) {
    const message = `${url}: there is no source root '${place.root}'; the configuration has ${Object.keys(roots).join(', ') || 'none'}`;
    throw new IngestError('SOURCE_DENIED', message, { roots });
  }
  const file = path.join(root, decoded(place.path));
  if (path.relative(root, file).startsWith('..')) {
    throw new IngestError('SOURCE_DENIED', `${url} lies outside the source roots`, { roots });
  }
  if (/\p{Cc}/u.test(file)) {
    throw new IngestError('INVALID_INPUT', `${url}: Qserv's workers cannot be told of control characters in a path`);
  }
  return `file://${file}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
