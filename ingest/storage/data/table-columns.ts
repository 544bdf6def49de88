import type { ShownColumn } from '../../core/altered-columns';
import type { ColumnDefinition } from '../../core/tables';
import { quoteTable, type Statements } from './connection';

/**
 * Columns of a table as types that make the same ones: docs/contract/controller.md §15 (lsst/qserv
 * src/replica/mysql/DatabaseMySQLUtils.cc). None when there is no such table.
 */
export async function columnTypes(server: Statements, database: string, table: string): Promise<ColumnDefinition[]> {
  const rows = await server.rows<{
    name: string;
    type: string;
    nullable: 'YES' | 'NO';
    value: string | null;
    generated: string;
    expression: string | null;
    extra: string;
  }>(
    `read the columns of ${database}.${table}`,
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS value,
       IS_GENERATED AS \`generated\`, GENERATION_EXPRESSION AS expression, EXTRA AS extra
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [database, table],
  );
  return rows.map((row) => {
    const parts = [upperCase(row.type)];
    const generated = row.generated !== 'NEVER';
    if (generated) {
      parts.push(`GENERATED ALWAYS AS (${row.expression})`, row.extra.includes('STORED') ? 'STORED' : 'VIRTUAL');
    }
    if (row.nullable === 'NO') parts.push('NOT NULL');
    if (!generated && row.value !== null) parts.push(`DEFAULT ${row.value}`);
    return { name: row.name, type: parts.join(' ') };
  });
}

/** But for the values of ENUM and SET. */
function upperCase(type: string): string {
  return type.replaceAll(/'(?:[^']|'')*'|[^']+/g, (part) => (part.startsWith("'") ? part : part.toUpperCase()));
}

/** Columns word by word as the server shows them; equal ones are shown alike. Indexes and options are left out. */
export async function shownColumns(server: Statements, database: string, table: string): Promise<ShownColumn[]> {
  const [row] = await server.rows(`show ${database}.${table}`, `SHOW CREATE TABLE ${quoteTable(database, table)}`);
  const lines = String(row?.['Create Table']).split('\n');
  return lines.flatMap((line) => {
    const [, name, definition] = /^ {2}`((?:[^`]|``)+)` (.*?),?$/.exec(line) ?? [];
    return name === undefined || definition === undefined ? [] : [{ name: name.replaceAll('``', '`'), definition }];
  });
}
