import fc from 'fast-check';
import { COLUMN_TYPES } from '../../ingest/core/column-types';

/** Texts that somebody who means harm, or does not look, gives for names, column types and the like. */

const SNIPPETS = [
  ...[
    '`',
    '``',
    "'",
    '"',
    '\\',
    '\0',
    '\n',
    '\r',
    '\t',
    ';',
    '--',
    '-- ',
    '#',
    '/*',
    '*/',
    '/*!50000 ',
    '/*M! ',
    '(',
    ')',
    ',',
    '.',
  ],
  ...[
    '%',
    '_',
    '$',
    '@',
    '@@version',
    ' ',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\u00e9',
    '\u{1f600}',
    '\ud800',
    '\u0001',
    '\u001a',
    '..',
    '/',
    '../x',
  ],
  ...[
    '; DROP DATABASE mysql',
    "' OR '1'='1",
    '` (x INT); -- ',
    ') ENGINE=InnoDB',
    ', evil INT',
    ' PRIMARY KEY',
    ' UNIQUE',
    ' AUTO_INCREMENT',
  ],
  ...[
    ' CHECK (1)',
    ' REFERENCES t(x)',
    ' PARTITION BY HASH(x)',
    'SELECT',
    'NULL',
    'constructor',
    '__proto__',
    'toString',
    'qserv_trans_id',
  ],
];

/** Any text, with a taste for what means something to SQL. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ unit: 'binary', maxLength: 6 }), fc.string({ maxLength: 12 })),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

const letter = fc.constantFrom(...'abcXYZ019_$');

/** Names of which about half are legal; some just too long. */
export const hostileName: fc.Arbitrary<string> = fc.oneof(
  fc.array(letter, { minLength: 1, maxLength: 12 }).map((chars) => chars.join('')),
  fc.array(letter, { minLength: 40, maxLength: 70 }).map((chars) => chars.join('')),
  fc.constantFrom(
    'mysql',
    'sys',
    'qservMeta',
    'information_schema',
    'INFORMATION_SCHEMA',
    'Subchunks_x',
    '123',
    '1e5',
    '0x1',
    'PRIMARY',
    'select',
  ),
  hostileText,
);

const number = fc
  .oneof(fc.nat(70), fc.constantFrom('-1', '1.5', '1e3', '4294967296', '99999999999', '0x10'))
  .map(String);
const quoted = fc.oneof(
  fc.constantFrom(
    "''",
    "'a'",
    '"b"',
    "'it''s'",
    "'\\''",
    "'\\\\'",
    '"\\""',
    "'a,b'",
    "'2020-01-01'",
    "'1'",
    "'\\0'",
    "'\u{1f600}'",
  ),
  hostileText.map((text) => `'${text}'`),
);

const defaults = fc.oneof(
  number,
  quoted,
  fc.constantFrom(
    'NULL',
    'TRUE',
    "X'1F'",
    "X'zz'",
    "B'01'",
    "B'2'",
    "N'x'",
    "_utf8'x'",
    "_nonsense'x'",
    "DATE '2020-01-01'",
    "DATE 'x'",
  ),
  fc.constantFrom(
    'NOW()',
    'CURRENT_TIMESTAMP(6)',
    'CURDATE()',
    'UUID()',
    '(1+1)',
    '(c0)',
    "(CONCAT('a', USER()))",
    '(NO_SUCH())',
    '(SLEEP(9))',
  ),
  fc.constantFrom(
    "(LOAD_FILE('/etc/passwd'))",
    '((SELECT 1))',
    '(1, 2)',
    '(1 +)',
    '()',
    '(x.y.z)',
    '(NEXT VALUE FOR s)',
    '(1 COLLATE x)',
  ),
);

const attribute = fc.oneof(
  fc.constantFrom(
    'UNSIGNED',
    'SIGNED',
    'ZEROFILL',
    'NOT NULL',
    'NULL',
    'INVISIBLE',
    'BINARY',
    'ASCII',
    'UNICODE',
    'VIRTUAL',
    'PERSISTENT',
  ),
  defaults.map((value) => `DEFAULT ${value}`),
  quoted.map((text) => `COMMENT ${text}`),
  fc
    .constantFrom('utf8', 'latin1', 'ucs2', 'binary', 'nonsense', "'utf8mb4'", '8')
    .map((name) => `CHARACTER SET ${name}`),
  fc.constantFrom('utf8_bin', 'latin1_general_ci', 'nonsense', "'utf8mb4_bin'").map((name) => `COLLATE ${name}`),
  fc.constantFrom(
    'ON UPDATE NOW()',
    'ON UPDATE CURRENT_TIMESTAMP',
    'AS (1)',
    'AS (c0 + 1)',
    'GENERATED ALWAYS AS (c0) STORED',
    'AS (RAND())',
  ),
  hostileText,
);

const lengths = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: fc.array(number, { minLength: 1, maxLength: 3 }).map((list) => `(${list.join(',')})`) },
  { weight: 1, arbitrary: fc.array(quoted, { minLength: 1, maxLength: 3 }).map((list) => `(${list.join(',')})`) },
);

/** Types of columns with attributes: many that are taken, many nearly right, some hostile. */
export const hostileType: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.keys(COLUMN_TYPES)), lengths, fc.array(attribute, { maxLength: 3 }))
      .map(([name, length, attributes]) => [name + length, ...attributes].join(' ')),
  },
  { weight: 1, arbitrary: hostileText },
);

/** A seed, printed so that a failure can be repeated. */
export function newSeed(what: string): number {
  const seed = Number(process.env.FUZZ_SEED ?? Math.trunc(Math.random() * 2 ** 31));
  console.log(`${what}: seed ${seed}`);
  return seed;
}
