/**
 * MySQL's column types by the arguments in parentheses that they take, https://mariadb.com/kb/en/data-types/ (10.11).
 * `numbers` [least, most] counts length arguments; `strings` = a list of quoted values; `max` limits the first number.
 */
export interface TypeRule {
  numbers?: [least: number, most: number];
  strings?: true;
  max?: number;
  /** Takes UNSIGNED, SIGNED, ZEROFILL. */
  numeric?: true;
  /** Takes a character set and a collation. */
  text?: true;
}

const integer: TypeRule = { numbers: [0, 1], max: 255, numeric: true };
const real: TypeRule = { numbers: [0, 2], max: 255, numeric: true };
const decimal: TypeRule = { numbers: [0, 2], max: 65, numeric: true };
const time: TypeRule = { numbers: [0, 1], max: 6 };
const plain: TypeRule = {};
const text: TypeRule = { text: true };
const list: TypeRule = { strings: true, text: true };
const fixedText: TypeRule = { numbers: [0, 1], max: 255, text: true };
const variableText: TypeRule = { numbers: [1, 1], max: 65_535, text: true };
const sizedText: TypeRule = { numbers: [0, 1], max: 4_294_967_295, text: true };

/** Upper-case names; those of several words are written with one space. */
export const COLUMN_TYPES: Record<string, TypeRule> = {
  TINYINT: integer,
  SMALLINT: integer,
  MEDIUMINT: integer,
  MIDDLEINT: integer,
  INT: integer,
  INTEGER: integer,
  BIGINT: integer,
  INT1: integer,
  INT2: integer,
  INT3: integer,
  INT4: integer,
  INT8: integer,
  BOOL: plain,
  BOOLEAN: plain,
  BIT: { numbers: [0, 1], max: 64 },
  DECIMAL: decimal,
  DEC: decimal,
  NUMERIC: decimal,
  FIXED: decimal,
  FLOAT: real,
  FLOAT4: real,
  FLOAT8: real,
  DOUBLE: real,
  'DOUBLE PRECISION': real,
  REAL: real,
  DATE: plain,
  TIME: time,
  DATETIME: time,
  TIMESTAMP: time,
  YEAR: { numbers: [0, 1], max: 4 },
  CHAR: fixedText,
  CHARACTER: fixedText,
  NCHAR: fixedText,
  'NATIONAL CHAR': fixedText,
  'NATIONAL CHARACTER': fixedText,
  VARCHAR: variableText,
  VARCHARACTER: variableText,
  'CHAR VARYING': variableText,
  'CHARACTER VARYING': variableText,
  NVARCHAR: variableText,
  'NCHAR VARCHAR': variableText,
  'NCHAR VARYING': variableText,
  'NATIONAL VARCHAR': variableText,
  'NATIONAL CHAR VARYING': variableText,
  'NATIONAL CHARACTER VARYING': variableText,
  BINARY: { numbers: [0, 1], max: 255 },
  VARBINARY: { numbers: [1, 1], max: 65_535 },
  TINYTEXT: text,
  TEXT: sizedText,
  MEDIUMTEXT: text,
  LONGTEXT: text,
  LONG: text,
  'LONG VARCHAR': text,
  'LONG VARBINARY': plain,
  TINYBLOB: plain,
  BLOB: { numbers: [0, 1], max: 4_294_967_295 },
  MEDIUMBLOB: plain,
  LONGBLOB: plain,
  ENUM: list,
  SET: list,
  JSON: plain,
  UUID: plain,
  INET4: plain,
  INET6: plain,
  GEOMETRY: plain,
  POINT: plain,
  LINESTRING: plain,
  POLYGON: plain,
  MULTIPOINT: plain,
  MULTILINESTRING: plain,
  MULTIPOLYGON: plain,
  GEOMETRYCOLLECTION: plain,
};
