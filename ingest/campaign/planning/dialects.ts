import { DEFAULT_DIALECT, DIALECT_VALUES, type Dialect } from '../../core/dialect';
import type { InputFault } from '../../core/errors';

/** Entries that Qserv's table files carry for the tools that load them; the controller ignores them. */
const FIELDS = {
  fieldsTerminatedBy: 'fields_terminated_by',
  fieldsEnclosedBy: 'fields_enclosed_by',
  fieldsEscapedBy: 'fields_escaped_by',
  linesTerminatedBy: 'lines_terminated_by',
} as const satisfies Record<keyof Dialect, string>;

/** Qserv's defaults, changed by what a table's definition says. '' stands for the default. */
export function defaultDialect(
  definition: Record<string, unknown>,
  path: string,
): { dialect: Dialect; faults: InputFault[] } {
  const dialect: Record<string, string> = { ...DEFAULT_DIALECT };
  const faults: InputFault[] = [];
  for (const [option, field] of Object.entries(FIELDS)) {
    const value = definition[field];
    if (value === undefined || value === '') continue;
    const allowed: readonly unknown[] = DIALECT_VALUES[option as keyof Dialect];
    if (allowed.includes(value)) dialect[option] = value as string;
    else {
      const names = allowed.map((name) => JSON.stringify(name)).join(', ');
      faults.push({
        path: `${path}.${field}`,
        message: `${JSON.stringify(value)} is not possible; use one of ${names}`,
      });
    }
  }
  return { dialect: dialect as unknown as Dialect, faults };
}

/** A table's dialect with what a group of files changes. */
export function dialectOf(table: Dialect, group: Partial<Dialect> | undefined): Dialect {
  const given = Object.entries(group ?? {}).filter(([, value]) => value !== undefined);
  return { ...table, ...Object.fromEntries(given) };
}
