import type { Controller } from '../../controller/controller';
import { kindOf } from '../../core/tables';

/** A table that refers to a director. */
export interface Referrer {
  database: string;
  table: string;
}

/** Registered tables of any database that refer to this one, next versions of tables included. */
export async function referrersOf(
  controller: Controller,
  director: { database: string; table: string },
): Promise<Referrer[]> {
  const referrers: Referrer[] = [];
  for (const { name: database, tables } of await controller.databases()) {
    for (const { definition } of tables) {
      const references = kindOf(definition).directors(definition, database);
      if (references.some((r) => r.database === director.database && r.table === director.table)) {
        referrers.push({ database, table: definition.name });
      }
    }
  }
  return referrers;
}
