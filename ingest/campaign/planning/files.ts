import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContributionGroup, NO_HTTP, rangeBounds } from '../../../api/campaign/contributions';
import { IngestError } from '../../core/errors';
import type { ChunkGeometry } from '../../core/geometry';
import { DUMMY_CHUNK } from '../../core/names';
import { kindOf } from '../../core/tables';
import { resolveSourceUrl, type SourceRules, type StoredFacts } from '../../source';
import type { CatalogTable } from './catalog';
import type { Faults } from './faults';
import { absoluteUrl, below } from './urls';

/** One file of a table. There may be millions: what files have in common stays in their group. */
export interface PlannedFile extends StoredFacts {
  url: string;
  /** 0 for regular tables. */
  chunk: number;
  overlap: boolean;
  group: ContributionGroup;
  /** Size that the input declares. */
  declared?: number;
  /** Where the input names it. */
  path: string;
}

export interface ListingContext {
  base?: string;
  table: CatalogTable;
  geometry: ChunkGeometry;
  rules: SourceRules;
  faults: Faults;
}

/** The files of one group as the input names them; nothing is known of the files themselves yet. Faults are added. */
export async function* listFiles(
  group: ContributionGroup,
  path: string,
  context: ListingContext,
): AsyncGenerator<PlannedFile> {
  let told = group.http === undefined;
  for await (const file of namedFiles(group, path, context)) {
    if (!told && !/^https?:/i.test(file.url)) {
      context.faults.add(`${path}.http`, NO_HTTP);
      told = true;
    }
    yield file;
  }
}

async function* namedFiles(
  group: ContributionGroup,
  path: string,
  context: ListingContext,
): AsyncGenerator<PlannedFile> {
  if (group.files !== undefined) yield* explicit(group, path, context);
  else if (group.template !== undefined) yield* fromTemplates(group, path, context);
  else yield* fromFolder(group, path, context);
}

function* explicit(group: ContributionGroup, path: string, context: ListingContext): Generator<PlannedFile> {
  for (const [k, file] of (group.files ?? []).entries()) {
    const at = `${path}.files[${k}]`;
    const url = absoluteAt(`${at}.url`, file.url, context);
    const place = placeOf(file.chunk, file.overlap ?? false, at, context);
    if (url === undefined || place === undefined) continue;
    yield { url, ...place, group, path: at, ...(file.bytes === undefined ? {} : { declared: file.bytes }) };
  }
}

function* fromTemplates(group: ContributionGroup, path: string, context: ListingContext): Generator<PlannedFile> {
  const { chunks, overlapChunks = chunks } = group;
  if (!kindOf(context.table.definition).partitioned) {
    context.faults.add(`${path}.template`, 'a regular table has no chunks; use files or folder');
    return;
  }
  yield* fromTemplate(group, 'template', 'chunks', chunks, false, path, context);
  if (group.overlapTemplate === undefined) return;
  yield* fromTemplate(group, 'overlapTemplate', 'overlapChunks', overlapChunks, true, path, context);
}

function* fromTemplate(
  group: ContributionGroup,
  field: 'template' | 'overlapTemplate',
  listField: 'chunks' | 'overlapChunks',
  ranges: ContributionGroup['chunks'],
  overlap: boolean,
  path: string,
  context: ListingContext,
): Generator<PlannedFile> {
  for (const [i, range] of (ranges ?? []).entries()) {
    const at = `${path}.${group[listField] === undefined ? 'chunks' : listField}[${i}]`;
    for (const chunk of typeof range === 'number' ? [range] : numbersIn(range, at, context)) {
      const place = placeOf(chunk, overlap, at, context, '');
      const url = absoluteAt(`${path}.${field}`, (group[field] ?? '').replaceAll('{chunk}', String(chunk)), context);
      if (place === undefined || url === undefined) continue;
      yield { url, ...place, group, path: at };
    }
  }
}

function* numbersIn(range: string, path: string, { geometry, faults }: ListingContext): Generator<number> {
  const [first, last] = rangeBounds(range);
  let none = true;
  for (const chunk of geometry.chunks()) {
    if (chunk < first || chunk > last) continue;
    none = false;
    yield chunk;
  }
  if (none) faults.add(path, `no chunk of this partitioning lies in ${range}`);
}

async function* fromFolder(
  group: ContributionGroup,
  path: string,
  context: ListingContext,
): AsyncGenerator<PlannedFile> {
  const { folder = '', pattern = '' } = group;
  const { faults, rules } = context;
  const partitioned = kindOf(context.table.definition).partitioned;
  const hasChunk = pattern.includes('(?<chunk>');
  if (hasChunk !== partitioned) {
    const remedy = 'needs a named group (?<chunk>\\d+) with the chunk number';
    faults.add(
      `${path}.pattern`,
      partitioned
        ? `the table is partitioned: the pattern ${remedy}`
        : 'a regular table has no chunks; remove the group',
    );
    return;
  }
  const base = absoluteAt(`${path}.folder`, folder, context);
  if (base === undefined) return;
  const expression = new RegExp(`^(?:${pattern})$`);
  let found = 0;
  try {
    const location = await resolveSourceUrl(base, rules);
    if (location.kind !== 'file')
      throw new IngestError('INVALID_INPUT', 'only folders of file:// and root:// can be listed');
    for await (const relative of filesBelow(location.path, base)) {
      const match = expression.exec(relative);
      if (match === null) continue;
      found++;
      const { chunk, overlap } = match.groups ?? {};
      const place = placeOf(chunk === undefined ? undefined : Number(chunk), !!overlap, path, context, relative);
      if (place !== undefined) yield { url: below(base, relative), ...place, group, path: `${path}.folder` };
    }
  } catch (error) {
    faults.take(`${path}.folder`, error);
    return;
  }
  if (found === 0 && !group.allowEmpty)
    faults.add(`${path}.pattern`, `no file below ${base} matches; correct it or set allowEmpty`);
}

/** Paths of the regular files below a folder, in no particular order. Links to files count, links to folders are not followed. */
async function* filesBelow(folder: string, url: string): AsyncGenerator<string> {
  const waiting = [''];
  for (let relative = waiting.pop(); relative !== undefined; relative = waiting.pop()) {
    for await (const entry of await openFolder(join(folder, relative), url)) {
      const name = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(name);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, name))))) yield name;
    }
  }
}

async function openFolder(path: string, url: string) {
  try {
    return await opendir(path, { bufferSize: 512 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new IngestError('SOURCE_MISSING', `${url}: there is no such folder`);
    if (code === 'ENOTDIR') throw new IngestError('INVALID_INPUT', `${url} is not a folder`);
    if (code === 'EACCES') throw new IngestError('SOURCE_DENIED', `${url}: ${message}`);
    throw new IngestError('SOURCE_BROKEN', `${url}: ${message}`);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function absoluteAt(path: string, text: string, { base, faults }: ListingContext): string | undefined {
  try {
    return absoluteUrl(text, base);
  } catch (error) {
    faults.take(path, error);
    return undefined;
  }
}

/** Where a file's rows go. `what` tells which file, where the path alone does not; undefined: the path names the file. */
function placeOf(
  chunk: number | undefined,
  overlap: boolean,
  path: string,
  { table, geometry, faults }: ListingContext,
  what?: string,
): { chunk: number; overlap: boolean } | undefined {
  const { name } = table.definition;
  const at = (field: string) => (what === undefined ? `${path}.${field}` : path);
  const prefix = what ? `${what}: ` : '';
  if (!kindOf(table.definition).partitioned) {
    if (chunk !== undefined)
      faults.add(at('chunk'), `${prefix}${name} is a regular table, it has no chunks; remove chunk`);
    else if (overlap)
      faults.add(at('overlap'), `${prefix}${name} is a regular table, it has no overlaps; remove overlap`);
    else return { chunk: 0, overlap: false };
    return undefined;
  }
  if (chunk === undefined) {
    faults.add(at('chunk'), `${prefix}required: ${name} is partitioned`);
    return undefined;
  }
  if (!geometry.isValid(chunk) || chunk === DUMMY_CHUNK) {
    const { numStripes, numSubStripes } = geometry;
    faults.add(
      at('chunk'),
      `${prefix}${chunk} is no chunk of ${numStripes} stripes with ${numSubStripes} sub-stripes each`,
    );
    return undefined;
  }
  return { chunk, overlap };
}
