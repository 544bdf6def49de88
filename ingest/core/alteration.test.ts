import fc from 'fast-check';
import { parseAlteration } from './alteration';

test.each([
  ['ADD c INT', [{ kind: 'add', name: 'c', type: 'INT' }]],
  [
    'add column if not exists `a``b` double NOT NULL default (1 + 2) AFTER x',
    [{ kind: 'add', name: 'a`b', type: 'double NOT NULL default (1 + 2)' }],
  ],
  [
    "ADD (a INT, b VARCHAR(5) COMMENT 'x, (y'), ADD COLUMN `index` INT",
    [
      { kind: 'add', name: 'a', type: 'INT' },
      { kind: 'add', name: 'b', type: "VARCHAR(5) COMMENT 'x, (y'" },
      { kind: 'add', name: 'index', type: 'INT' },
    ],
  ],
  [
    'DROP COLUMN IF EXISTS a RESTRICT, DROP b',
    [
      { kind: 'drop', column: 'a' },
      { kind: 'drop', column: 'b' },
    ],
  ],
  ['MODIFY a BIGINT AFTER `b`', [{ kind: 'define', column: 'a', name: 'a', type: 'BIGINT' }]],
  [
    "CHANGE COLUMN a b ENUM('first', 'after') NOT NULL",
    [{ kind: 'define', column: 'a', name: 'b', type: "ENUM('first', 'after') NOT NULL" }],
  ],
  [
    'ALTER COLUMN a SET DEFAULT -1.5, ALTER b DROP DEFAULT',
    [
      { kind: 'default', column: 'a' },
      { kind: 'default', column: 'b' },
    ],
  ],
  ['RENAME COLUMN a TO b', [{ kind: 'rename', column: 'a', name: 'b' }]],
  ["COMMENT = 'it''s -- # fine', MAX_ROWS 5 CHECKSUM=1", []],
  [
    'ADD f FLOAT AS (a + LENGTH(b)) PERSISTENT',
    [{ kind: 'add', name: 'f', type: 'FLOAT AS (a + LENGTH(b)) PERSISTENT' }],
  ],
])('%s', (text, changes) => {
  expect(parseAlteration(`\n ${text}\t`)).toEqual({ sql: text, changes });
});

test.each([
  ['', 'empty'],
  ['ADD c INT; DROP TABLE x', 'unexpected "; DROP TAB"'],
  ['ADD c INT, RENAME TO y', 'tables keep their names'],
  ['RENAME y', 'tables keep their names'],
  ['RENAME INDEX a TO b', 'tables keep their names'],
  ['ADD c INT -- x', 'comments'],
  ['ADD c INT /*! , RENAME TO y */', 'comments'],
  ['ADD c INT # x', 'comments'],
  ['ADD INDEX i (a)', 'POST and DELETE /replication/sql/index'],
  ['ADD (a INT, INDEX (a))', 'POST and DELETE /replication/sql/index'],
  ['ADD UNIQUE (a)', 'POST and DELETE'],
  ['DROP PRIMARY KEY', 'POST and DELETE'],
  ['ALTER INDEX i IGNORED', 'POST and DELETE'],
  ['ADD CONSTRAINT c CHECK (a > 0)', 'constraints'],
  ['ADD PARTITION (PARTITION p7 VALUES IN (7))', 'partitions belong'],
  ['DROP PARTITION p7', 'partitions belong'],
  ['EXCHANGE PARTITION p0 WITH TABLE y', 'partitions'],
  ['REMOVE PARTITIONING', 'partitions'],
  ['CONVERT TO CHARACTER SET utf8mb4', 'character sets of whole tables'],
  ['ENGINE=InnoDB', 'keep their engine'],
  ["DATA DIRECTORY='/tmp'", 'files of tables'],
  ['UNION=(a, b)', 'nothing but their rows'],
  ['ADD SYSTEM VERSIONING', 'versioned'],
  ['ADD PERIOD FOR SYSTEM_TIME(a, b)', 'periods'],
  ['ORDER BY a', 'not possible'],
  ['WAIT 5 ADD a INT', 'not possible'],
  ['ADD a INT FIRST', 'FIRST is the place of qserv_trans_id'],
  ['ADD (a INT AFTER b)', 'no place of their own'],
  ['ADD a', 'type is missing'],
  ['ADD a INT PRIMARY KEY', 'keys and constraints'],
  ['ADD a INT REFERENCES other (a)', 'keys and constraints'],
  ['ADD a INT, ', 'ends too early'],
  ['ADD (a INT', "')' is missing"],
  ['ADD a INT)', "unexpected ')'"],
  ['ADD x.a INT', 'must begin with a MySQL type'],
  ["ADD 'a' INT", 'not the name of a column'],
  ['COMMENT = x', 'quoted string'],
  ['MAX_ROWS = a', 'takes a number'],
  ['ALTER a SET INVISIBLE', 'SET DEFAULT or DROP DEFAULT'],
  ['ALTER a SET DEFAULT abc', 'no default value'],
  ['RENAME COLUMN a b', 'TO is missing'],
  ['ADD a INT AS ((SELECT 1))', 'SELECT is not allowed'],
  ['ADD a INT DEFAULT (SLEEP(9))', 'SLEEP is not allowed'],
  ["ADD a TEXT DEFAULT (LOAD_FILE('/etc/passwd'))", 'LOAD_FILE is not allowed'],
  ['ADD a INT DEFAULT (NEXT VALUE FOR s)', 'NEXT is not allowed'],
  ['ADD\u00a0a INT', 'unexpected'],
  ["ADD a INT COMMENT '\0', RENAME TO x", 'tables keep'],
  ['constructor', 'not possible'],
])('%j is none: %s', (text, why) => {
  expect(parseAlteration(text)).toContain(why);
});

test('long texts are read once, whatever they are', () => {
  expect(parseAlteration(`ADD a INT COMMENT '${"\\'".repeat(30_000)}`)).toContain('unexpected');
  expect(parseAlteration(`ADD a${' '.repeat(60_000)};`)).toContain('unexpected');
  expect(parseAlteration(' '.repeat(70_000))).toContain('longer than 65536');
});

/** Pieces that are a danger where they stand for themselves. */
const PIECES = [
  ...['ADD', 'DROP', 'MODIFY', 'CHANGE', 'ALTER', 'RENAME', 'COLUMN', 'TO', 'INT', 'VARCHAR(3)', 'AFTER', 'FIRST'],
  ...[
    'a',
    'b',
    '`c`',
    "'x'",
    '"y"',
    ',',
    '(',
    ')',
    ';',
    '--',
    '/*',
    '*/',
    '#',
    '=',
    'DEFAULT',
    '1',
    'COMMENT',
    '\\',
    "'",
    '`',
  ],
];

test('nothing that is taken has a separator, a comment or an open quote outside of texts', () => {
  const spec = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(' '));
  fc.assert(
    fc.property(spec, (text) => {
      const read = parseAlteration(text);
      if (typeof read === 'string') return;
      const bare = read.sql.replaceAll(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`/g, '');
      expect(bare).not.toMatch(/[;'"`#\\]|--|\/\*|(^|,) *RENAME (?!COLUMN)/);
    }),
    { numRuns: 10_000 },
  );
});
