import { z } from 'zod';
import { isLoadCharset } from '../../ingest/core/charsets';
import { DIALECT_VALUES } from '../../ingest/core/dialect';

/** Where the files of a table are and how they are read: one group of the campaign's `contributions` lists. */

/** Header names that carry credentials; their values must be references to the worker's environment. */
const SECRET_HEADER = /cookie|auth|token|secret|passw|credential|signature|session|key/i;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/;
const REFERENCE = '(?:[A-Za-z0-9_-]+=)?\\$\\{env:[A-Za-z_][A-Za-z0-9_]*\\}';
/** References and nothing else, apart from the name of the scheme and the names of cookies. */
const REFERENCES = new RegExp(
  `^(?:(?:basic|bearer|digest|token|apikey|dpop|negotiate)\\s+)?${REFERENCE}(?:[;,:]\\s*${REFERENCE})*\\s*$`,
  'i',
);

const bytes = z.number().int().min(0);
const chunk = z.number().int().min(0);

export const dialect = z
  .strictObject({
    fieldsTerminatedBy: z
      .enum(DIALECT_VALUES.fieldsTerminatedBy)
      .optional()
      .describe('Field separator: "," or "\\t" (a backslash and a t). Default: tab.'),
    fieldsEnclosedBy: z
      .enum(DIALECT_VALUES.fieldsEnclosedBy)
      .optional()
      .describe(
        'Quotes around fields: a single or double quote, or "\\0" (a backslash and a zero) for none. Default: none.',
      ),
    fieldsEscapedBy: z.enum(DIALECT_VALUES.fieldsEscapedBy).optional().describe('Escape character: a backslash.'),
    linesTerminatedBy: z.enum(DIALECT_VALUES.linesTerminatedBy).optional().describe('End of a row: a newline.'),
  })
  .describe(
    "How a file is cut into rows and fields, in Qserv's escape names. What is not given here is taken from the fields_… and " +
      "lines_… entries of the table's definition, then from Qserv's defaults.",
  );

const header = z.string().superRefine((text, context) => {
  const [, name, value] = HEADER.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    context.addIssue({ code: 'custom', message: 'write a header as "Name: value"' });
  } else if (SECRET_HEADER.test(name) && !REFERENCES.test(value)) {
    // The value itself is not repeated: this message ends up in logs and histories.
    context.addIssue({
      code: 'custom',
      message:
        `the value of ${name} is a secret: name an environment variable of the workers instead, as in "${name}: Bearer ` +
        `\${env:ARCHIVE_TOKEN}"`,
    });
  }
});

export const http = z
  .strictObject({
    method: z.enum(['GET', 'POST', 'PUT']).optional().describe('HTTP method. Default: GET.'),
    data: z.string().optional().describe('Request body.'),
    headers: z
      .array(header)
      .optional()
      .describe(
        `Request headers, each "Name: value". \${env:NAME} in a value is replaced by that environment variable of the worker, if its configuration lists it under sources.secrets; ` +
          'values of headers that carry credentials must be given in that way.',
      ),
  })
  .describe('How http(s) sources are requested.');

export const contributionFile = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(
        'file://, root://NAME/path (a source root of the workers) or http(s)://, or a path relative to `base`. A signature in the query ' +
          `is named as \${env:NAME}, like values of headers: what is written here stays in histories.`,
      ),
    chunk: chunk.optional().describe('Chunk number. Required for partitioned tables, not allowed for regular ones.'),
    overlap: z.boolean().optional().describe("True for rows of the chunk's overlap. Default: false."),
    bytes: bytes
      .optional()
      .describe('Size of the file as stored. A file of another size is refused before anything is loaded.'),
  })
  .describe('One file.');

export const chunkRange = z
  .union([chunk, z.string().regex(/^\d+-\d+$/, 'write a range as "first-last"')])
  .describe('A chunk number, or a range "first-last" of which the numbers that exist in this partitioning are taken.');

/** Said of `http` where files are read from a folder. */
export const NO_HTTP = 'belongs to http(s) sources; remove it';

const FORMS = ['files', 'folder', 'template'] as const;
const BELONGS_TO = {
  pattern: 'folder',
  chunks: 'template',
  overlapTemplate: 'template',
  overlapChunks: 'template',
} as const;

export const contributions = z
  .strictObject({
    files: z
      .array(contributionFile)
      .min(1, 'list at least one file')
      .optional()
      .describe('Form 1: an explicit list of files.'),
    folder: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Form 2: a folder (file://, root:// or a path relative to `base`), searched with its subfolders. Needs `pattern`.',
      ),
    pattern: z
      .string()
      .optional()
      .describe(
        'Regular expression (JavaScript) that the whole path below `folder` must match; other files are left out. Named groups: ' +
          '(?<chunk>\\d+) is the chunk number, required for partitioned tables; (?<overlap>…) marks a file of overlap rows when it ' +
          'matched something. Example: Object/chunk_(?<chunk>\\d+)(?<overlap>_overlap)?\\.txt',
      ),
    template: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Form 3, for http(s), where folders cannot be listed: a URL with {chunk} in it, read once for every number in `chunks`. ' +
          'Example: https://data.example.org/Object/chunk_{chunk}.txt.gz',
      ),
    chunks: z.array(chunkRange).min(1).optional().describe('Chunk numbers and ranges for `template`.'),
    overlapTemplate: z.string().min(1).optional().describe('Like `template`, for the overlap rows.'),
    overlapChunks: z
      .array(chunkRange)
      .min(1)
      .optional()
      .describe('Chunk numbers and ranges for `overlapTemplate`. Default: those of `chunks`.'),
    allowEmpty: z
      .boolean()
      .default(false)
      .describe('Accept a folder in which no file matches. Default: false, an input fault.'),
    dialect: dialect.optional(),
    charset: z
      .string()
      .refine(
        (name) => name === '' || isLoadCharset(name),
        'use the name of a MariaDB character set that LOAD DATA takes',
      )
      .default('')
      .describe('MySQL character set of the files, e.g. utf8mb4. Default: "", the default of the workers (latin1).'),
    compression: z
      .enum(['none', 'gzip', 'zstd'])
      .optional()
      .describe('Default: by the file name, .gz and .zst are unpacked on the way.'),
    http: http.optional(),
  })
  .superRefine((group, context) => {
    const fault = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const given = FORMS.filter((form) => group[form] !== undefined);
    if (given.length !== 1) {
      const message =
        given.length === 0 ? 'nothing says where the files are' : `${given.join(' and ')} exclude each other`;
      context.addIssue({ code: 'custom', message: `${message}: give exactly one of files, folder, template` });
      return;
    }
    for (const [field, form] of Object.entries(BELONGS_TO)) {
      if (group[field as keyof typeof BELONGS_TO] !== undefined && given[0] !== form)
        fault(field, `belongs to "${form}"; remove it`);
    }
    if (group.allowEmpty && given[0] !== 'folder') fault('allowEmpty', 'belongs to "folder"; remove it');
    if (group.http !== undefined && given[0] === 'folder') fault('http', NO_HTTP);
    if (group.folder !== undefined && group.pattern === undefined) {
      fault('pattern', 'required with folder: a regular expression for the paths below it, ".*" for all files');
    }
    if (group.pattern !== undefined) {
      try {
        new RegExp(group.pattern);
      } catch (error) {
        fault('pattern', `is no regular expression: ${(error as Error).message}`);
      }
    }
    if (group.folder !== undefined && /^https?:/i.test(group.folder)) {
      fault('folder', 'an http(s) folder cannot be listed: use template with chunks, or files');
    }
    if (group.template !== undefined) {
      if (group.chunks === undefined) fault('chunks', 'required with template: chunk numbers or ranges "first-last"');
      if (!group.template.includes('{chunk}')) fault('template', 'needs {chunk} where the chunk number goes');
      if (group.overlapTemplate !== undefined && !group.overlapTemplate.includes('{chunk}')) {
        fault('overlapTemplate', 'needs {chunk} where the chunk number goes');
      }
      if (group.overlapChunks !== undefined && group.overlapTemplate === undefined) {
        fault('overlapTemplate', 'required with overlapChunks');
      }
    }
    for (const [field, ranges] of [
      ['chunks', group.chunks],
      ['overlapChunks', group.overlapChunks],
    ] as const) {
      for (const [i, range] of (ranges ?? []).entries()) {
        const [first, last] = rangeBounds(range);
        if (first > last)
          context.addIssue({ code: 'custom', path: [field, i], message: `the range ${range} ends before it begins` });
      }
    }
  })
  .describe('A group of files that are read in the same way: exactly one of `files`, `folder`, `template`.');

/** First and last number of a chunk range. */
export function rangeBounds(range: number | string): [number, number] {
  if (typeof range === 'number') return [range, range];
  const [first, last] = range.split('-').map(Number);
  return [first ?? 0, last ?? 0];
}

export type ContributionGroup = z.output<typeof contributions>;
