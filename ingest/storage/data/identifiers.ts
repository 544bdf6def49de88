/** One SQL identifier for MariaDB, quoted. Throws RangeError on what MariaDB cannot name (empty, NUL, over 64 characters). */
export function quoteId(name: string): string {
  if (name === '' || name.length > 64 || name.includes('\0')) {
    throw new RangeError(`not a MariaDB identifier: ${JSON.stringify(name)}`);
  }
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `schema`.`table`, quoted. */
export function quoteTable(database: string, table: string): string {
  return `${quoteId(database)}.${quoteId(table)}`;
}
