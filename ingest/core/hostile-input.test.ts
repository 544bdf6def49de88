import fc from 'fast-check';
import { databaseDefinition } from '../../api/qserv/database';
import { tableRegistration } from '../../api/qserv/table';
import { hostileName, hostileText, hostileType, newSeed } from '../../test/support/hostile';
import { databaseFaults } from '../controller/rules';
import { checkReferenceUrl } from '../source';
import { quoteId } from '../storage/data/identifiers';
import { loadStatement } from '../storage/data/load';
import { isLoadCharset, loadCharset } from './charsets';
import { parseColumnType } from './columns';
import { parseDialect } from './dialect';
import { IngestError } from './errors';
import {
  chunkTable,
  DUMMY_CHUNK,
  directorIndexTable,
  emptyChunksTable,
  rowCountersTable,
  stagingTable,
  unitLock,
} from './names';
import { indexNameFault } from './table-indexes';
import { tableFaults } from './tables';

const numRuns = 10_000;
/** Seconds on an idle machine; others may have work too. */
jest.setTimeout(120_000);
const seed = newSeed('hostile input');

/** What is left of a text as MariaDB reads it when everything in quotes is taken out; undefined when quotes stay open. */
function outsideQuotes(text: string): string | undefined {
  let rest = '';
  for (let i = 0; i < text.length; i++) {
    const quote = text[i] as string;
    if (!`'"\``.includes(quote)) {
      rest += quote;
      continue;
    }
    for (i++; ; i++) {
      if (i >= text.length) return undefined;
      if (text[i] === '\\' && quote !== '`') i++;
      else if (text[i] === quote && text[i + 1] === quote) i++;
      else if (text[i] === quote) break;
    }
    rest += '?';
  }
  return rest;
}

/** Parentheses are closed, and commas are within them. */
function staysInside(text: string): boolean {
  let depth = 0;
  for (const sign of text) {
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    if (depth < 0 || (sign === ',' && depth === 0)) return false;
  }
  return depth === 0;
}

/** Says INVALID_INPUT or returns; anything else is a defect. */
function refusedOr<T>(work: () => T): T | IngestError {
  try {
    return work();
  } catch (error) {
    if (error instanceof IngestError && error.code === 'INVALID_INPUT') return error;
    throw error;
  }
}

const nameable = (name: string) => {
  expect(name.length).toBeLessThanOrEqual(64);
  expect(Buffer.byteLength(name.replaceAll('$', '@0024'))).toBeLessThanOrEqual(232);
};

test('names of databases: what passes can be named, with all that is derived from it', () => {
  let taken = 0;
  fc.assert(
    fc.property(hostileName, (database) => {
      const body = { database, num_stripes: 340, num_sub_stripes: 3, overlap: 0.01 };
      const faults = databaseFaults(databaseDefinition.parse(body));
      if (faults.length > 0) return expect(faults).toEqual([{ path: 'name', message: expect.any(String) }]);
      taken++;
      expect(database).toMatch(/^[A-Za-z0-9_$]{1,52}$/);
      expect(database).not.toMatch(/^(qserv.*|mysql|sys|information_schema|performance_schema)$/i);
      nameable(emptyChunksTable(database));
    }),
    { seed, numRuns },
  );
  expect(taken).toBeGreaterThan(numRuns / 20);
});

test('tables: names, columns, references, character sets', () => {
  const known = { database: 'catalog', hasDatabase: () => true, table: () => undefined, elsewhere: [] };
  const column = fc.record({
    name: hostileName,
    type: fc.oneof({ weight: 9, arbitrary: fc.constant('INT') }, { weight: 1, arbitrary: hostileType }),
  });
  const body = fc.record({
    database: fc.constant('catalog'),
    table: hostileName,
    is_partitioned: fc.constantFrom(0, 1),
    schema: fc.array(column, { maxLength: 2 }),
    director_table: fc.oneof(fc.constant(''), hostileName),
    director_key: hostileName,
    latitude_key: hostileName,
    longitude_key: hostileName,
    charset_name: fc.oneof(fc.constant('latin1'), hostileName),
    collation_name: fc.oneof(fc.constant(''), hostileName),
  });
  let taken = 0;
  fc.assert(
    fc.property(body, (given) => {
      const { definition } = tableRegistration.parse(given);
      const faults = tableFaults(definition, known, []);
      for (const fault of faults)
        expect(fault.path).toMatch(/^(name|schema|charset|collation|director|latitude|longitude)/);
      if (faults.length > 0) return;
      taken++;
      const { name } = definition;
      for (const text of [
        name,
        ...definition.schema.map((c) => c.name),
        definition.charset ?? 'x',
        definition.collation ?? 'x',
      ])
        expect(text).toMatch(/^[A-Za-z0-9_$]+$/);
      const unit = { database: 'catalog', transactionId: 2 ** 32 - 1, table: name, chunk: DUMMY_CHUNK, overlap: true };
      const names = [
        directorIndexTable('catalog', name),
        rowCountersTable('catalog', name),
        stagingTable(unit, 'x'.repeat(32)),
      ];
      if (definition.kind !== 'regular') names.push(chunkTable(name, DUMMY_CHUNK, true));
      names.forEach(nameable);
      expect(unitLock(unit).length).toBeLessThanOrEqual(64);
    }),
    { seed, numRuns },
  );
  expect(taken).toBeGreaterThan(numRuns / 200);
});

test('column types: whatever passes is one definition, and nothing behind it', () => {
  let taken = 0;
  fc.assert(
    fc.property(hostileType, (type) => {
      if (typeof parseColumnType(type) === 'string') return;
      taken++;
      const rest = outsideQuotes(type);
      expect(rest).toBeDefined();
      expect(rest).not.toMatch(/[;@#\\{}[\]?]{2}|[;@#\\{}]|\/\*|--\s|[^\t\r\n -~]/);
      expect(staysInside(rest ?? '')).toBe(true);
      expect(rest).not.toMatch(/\b(SELECT|SLEEP\s*\(|LOAD_FILE\s*\(|PRIMARY|REFERENCES|AUTO_INCREMENT)\b/i);
    }),
    { seed, numRuns },
  );
  expect(taken).toBeGreaterThan(numRuns / 10);
});

test('quoted identifiers end where they are to end', () => {
  fc.assert(
    fc.property(hostileText, (name) => {
      if (indexNameFault(name) !== undefined) return;
      expect(outsideQuotes(quoteId(name))).toBe('?');
    }),
    { seed, numRuns },
  );
});

test('dialects and character sets: one LOAD DATA, whatever is asked for', () => {
  const of = (...allowed: string[]) =>
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom('', ...allowed) }, { weight: 1, arbitrary: hostileText });
  const values = fc.record({
    fieldsTerminatedBy: of('\\t', ',', '\t'),
    fieldsEnclosedBy: of('\\0', "'", '"'),
    fieldsEscapedBy: of('\\\\'),
    linesTerminatedBy: of('\\n', '\n'),
  });
  const shape =
    /^LOAD DATA LOCAL INFILE \? INTO TABLE \?\.\? CHARACTER SET \? FIELDS TERMINATED BY \?( ENCLOSED BY \?)? ESCAPED BY \? LINES TERMINATED BY \? \(\?\) SET \? = 7$/;
  let taken = 0;
  fc.assert(
    fc.property(values, fc.oneof(fc.constantFrom('utf8', 'LATIN1'), hostileText), (given, name) => {
      const dialect = refusedOr(() => parseDialect(given));
      const charset = refusedOr(() => loadCharset(name) || 'latin1');
      if (charset instanceof IngestError) expect(charset.details.field).toBe('charset');
      else expect(isLoadCharset(charset)).toBe(true);
      if (dialect instanceof IngestError)
        return expect(dialect.message).toContain('is not allowed for the given parameter.');
      if (charset instanceof IngestError) return;
      taken++;
      const load = { staging: 's', transactionId: 7, columns: ['c'], dialect, charset };
      expect(outsideQuotes(loadStatement(load))).toMatch(shape);
    }),
    { seed, numRuns },
  );
  expect(taken).toBeGreaterThan(numRuns / 100);
});

test('URLs of contributions: taken or refused, and no query is repeated', () => {
  const begin = fc.constantFrom(
    'file://',
    'file:///',
    'http://',
    'https://',
    'http://host',
    'data-csv://x/',
    'ftp://x',
    '',
  );
  fc.assert(
    fc.property(begin, hostileText, (scheme, rest) => {
      const refused = refusedOr(() => checkReferenceUrl(`${scheme}${rest}?sig=s3cret-value`));
      if (refused instanceof IngestError) {
        expect(refused.details).toEqual({ field: 'url' });
        if (!scheme.startsWith('file')) expect(refused.message).not.toContain('s3cret-value');
      } else expect(scheme).toMatch(/^(file|https?):/);
    }),
    { seed, numRuns },
  );
});
