import fc from 'fast-check';
import { COLUMN_TYPES } from './column-types';
import { parseColumnType } from './columns';

test.each([
  'BIGINT NOT NULL',
  'bigint(20) NOT NULL',
  'tinyint(4) default NULL',
  'char(34) default NULL',
  'double',
  'double precision unsigned not null default -1.5e-3',
  'INT UNSIGNED ZEROFILL NOT NULL',
  "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s; -- fine' COMMENT 'a \\'b\\' # c'",
  'national character varying(10)',
  'decimal(10, 3)',
  "enum('a,b', \"c)\") not null default 'a,b'",
  'DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)',
  'double generated always as (`ra` * (2 + `b`)) virtual',
  "float AS (concat(')', `x`)) PERSISTENT COMMENT 'x'",
  "bit(3) default b'101'",
  'boolean',
  'BINARY(16)',
  'INT DEFAULT (1 + 1)',
])('%s is a type', (text) => {
  expect(parseColumnType(text)).toEqual(expect.objectContaining({ base: expect.any(String) }));
});

test.each([
  ['', 'empty'],
  ['NOT NULL', 'not a MySQL type'],
  ['BIGNIT NOT NULL', "'BIGNIT' is not a MySQL type"],
  ['constructor', 'not a MySQL type'],
  ['INT,', "unexpected ','"],
  ['INT, x INT', 'unexpected'],
  ['INT) ENGINE=InnoDB', 'unexpected'],
  ['INT DEFAULT (1', 'ends too early'],
  ["CHAR(3) COMMENT 'x", 'unexpected'],
  ['INT -- x', 'comments'],
  ['INT /* x */', 'comments'],
  ['INT # x', 'comments'],
  ['INT; DROP TABLE x', 'unexpected'],
  ['VARCHAR', 'needs a length'],
  ['VARCHAR(x)', 'needs numbers'],
  ['DATE(3)', 'takes no length'],
  ['DATETIME(7)', 'at most 6'],
  ['CHAR UNSIGNED', 'cannot be UNSIGNED'],
  ['DOUBLE COLLATE utf8_bin', 'has no collation'],
  ['INT PRIMARY KEY', 'keys and constraints'],
  ['INT AUTO_INCREMENT', 'keys and constraints'],
  ['INT DEFAULT abc', 'no default value'],
  ['INT NOT', 'unexpected'],
  [`INT COMMENT '${'x'.repeat(255)}'`, '255'],
])('%s is none: %s', (text, why) => {
  expect(parseColumnType(text)).toContain(why);
});

test('nullability, the bare type and generation are read', () => {
  expect(parseColumnType('bigint(20) unsigned not null')).toEqual({
    base: 'BIGINT',
    bare: 'BIGINT(20) UNSIGNED',
    notNull: true,
    generated: false,
  });
  expect(parseColumnType('INT AS (`a`+1)')).toMatchObject({ generated: true, notNull: false });
});

test('no text that is taken has a bracket, quote or separator at its top level', () => {
  const pieces = [
    ...Object.keys(COLUMN_TYPES),
    '(',
    ')',
    ',',
    '3',
    "'",
    "'a'",
    '`b`',
    ';',
    '--',
    'DEFAULT',
    'NOT',
    'NULL',
    'AS',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (list) => {
      const text = list.join(' ');
      if (typeof parseColumnType(text) === 'string') return;
      let rest = text.replaceAll(/'[^']*'|`[^`]*`/g, '');
      for (let before = ''; before !== rest; ) {
        before = rest;
        rest = rest.replaceAll(/\([^()]*\)/g, '');
      }
      expect(rest).not.toMatch(/[(),;'`]/);
    }),
    { numRuns: 2000 },
  );
});
