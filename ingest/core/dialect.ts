/**
 * How a CSV file is cut into rows and fields. Values are Qserv's escape names (`\\t` is a backslash and a t),
 * lsst/qserv src/replica/util/Csv.h; '' means the default.
 */
export const DIALECT_VALUES = {
  fieldsTerminatedBy: ['\\t', ','],
  fieldsEnclosedBy: ['\\0', "'", '"'],
  fieldsEscapedBy: ['\\\\'],
  linesTerminatedBy: ['\\n'],
} as const;

export interface Dialect {
  fieldsTerminatedBy: (typeof DIALECT_VALUES.fieldsTerminatedBy)[number];
  fieldsEnclosedBy: (typeof DIALECT_VALUES.fieldsEnclosedBy)[number];
  fieldsEscapedBy: (typeof DIALECT_VALUES.fieldsEscapedBy)[number];
  linesTerminatedBy: (typeof DIALECT_VALUES.linesTerminatedBy)[number];
}

export const DEFAULT_DIALECT: Dialect = {
  fieldsTerminatedBy: '\\t',
  fieldsEnclosedBy: '\\0',
  fieldsEscapedBy: '\\\\',
  linesTerminatedBy: '\\n',
};
