import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../dev/files';

/** Every refusal that docs/contract names is named by a test: this looks for its longest stretch of fixed words. */

const CONTRACT = join(checkout, 'docs', 'contract');
const FOLDERS = ['api', 'cli', 'ingest', 'server', 'test'];

/** Refusals of Qserv's that no request to these services meets, and why. */
const NEVER_OURS: Record<string, string> = {
  'replica lookup stage failed, job:': 'publishing asks the records which worker has a chunk, and no replica job',
};

interface NamedRefusal {
  /** File and line of the contract. */
  at: string;
  text: string;
}

/** Texts in backticks that begin with a class, or stand in a table of refusals. */
function refusals(file: string): NamedRefusal[] {
  const found: NamedRefusal[] = [];
  const lines = readFileSync(join(CONTRACT, file), 'utf8').split('\n');
  let refusing = false;
  for (const [i, line] of lines.entries()) {
    const cells = line.startsWith('|') ? line.split(/(?<!\\)\|/).slice(1, -1) : [];
    if (cells.length === 0) refusing = false;
    else if (lines[i + 1]?.startsWith('|---')) refusing = /error|tail|server does/.test(line);
    const at = `${file}:${i + 1}`;
    const spans = (text: string) => [...text.matchAll(/(`+)(.+?)\1/g)].map((match) => match[2]?.trim() ?? '');
    const classed = spans(line).filter((text) => /^\[[APFE]\]\s*\S/.test(text));
    const tabled = refusing ? spans(cells.slice(1).join(' ')).filter((text) => /[a-z] [a-z]/i.test(text)) : [];
    for (const text of new Set([...classed, ...tabled])) found.push({ at, text });
  }
  return found;
}

/** The longest part of a text without names, numbers and what is left out. */
function fixedWords(text: string): string {
  const parts = text
    .replace(/^\[[APFE]\]\s*/, '')
    .split(/'[^']*'|…|<[^>]*>|\{[^}]*\}|\b\d+\b|\b[A-Zx]\b|\bw\d\b|"|\s{2,}|INGEST-[A-Z-]+ /);
  return parts
    .map((part) => part.trim())
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}

function testSources(folder: string): string[] {
  return readdirSync(join(checkout, folder), { withFileTypes: true, recursive: true })
    .filter(
      (entry) =>
        (entry.isFile() && /\.test\.ts$|^contract\.ts$/.test(entry.name)) || /contract$/.test(entry.parentPath),
    )
    .filter((entry) => entry.isFile() && entry.name !== 'contract-refusals.test.ts')
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

const sources = FOLDERS.flatMap(testSources).join('\n').replaceAll("\\'", "'").replaceAll('\\`', '`');
const named = ['README.md', 'controller.md', 'worker.md', 'binary-protocol.md', 'publishing.md']
  .flatMap(refusals)
  .map((refusal) => ({ ...refusal, words: fixedWords(refusal.text) }))
  .filter(({ words }) => words.length >= 8 && !(words in NEVER_OURS));

test('the contract is read', () => {
  expect(named.length).toBeGreaterThan(80);
});

test.each(named.map(({ at, text, words }) => [at, text, words]))('%s: %s', (_, __, words) => {
  expect(sources.includes(words as string) ? words : 'no test names it').toBe(words);
});
