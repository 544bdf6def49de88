import type { DialectInput } from './contributions';
import { IngestError } from './errors';

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

/** Characters that are taken for their escape names. */
const SYNONYMS = new Map([
  ['\t', '\\t'],
  ['\n', '\\n'],
]);

/**
 * A dialect as a client of Qserv gave it; '' stands for the default unless it is refused, a raw tab or newline for its escape name.
 * Errors: INVALID_INPUT with Qserv's text (docs/contract/worker.md §1); `details.field` is the parameter.
 */
export function parseDialect(input: Partial<DialectInput>, empty: 'default' | 'refused' = 'default'): Dialect {
  const dialect: Record<string, string> = { ...DEFAULT_DIALECT };
  for (const [field, allowed] of Object.entries(DIALECT_VALUES)) {
    const given = input[field as keyof Dialect] ?? '';
    if (given === '') {
      if (empty === 'default') continue;
      throw refusal(`a value of the parameter '${field}' is empty.`, field, allowed);
    }
    const value = SYNONYMS.get(given) ?? given;
    if (!(allowed as readonly string[]).includes(value)) {
      const what = `the value '${given}' of the parameter '${field}' is not allowed for the given parameter.`;
      throw refusal(what, field, allowed);
    }
    dialect[field] = value;
  }
  return dialect as unknown as Dialect;
}

function refusal(what: string, field: string, allowed: readonly string[]): IngestError {
  return new IngestError('INVALID_INPUT', `Csv::Parser: ${what}`, { field, allowed });
}
