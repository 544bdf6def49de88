import { createSchema, createTables } from '../../../storage/data/create-tables';
import { writeCssDatabase, writeCssTables } from '../../../storage/data/css';
import { grantToQserv } from '../../../storage/data/registration';
import { databasesOfFamily } from '../../../storage/metadata/databases';
import { fillEmptyChunks } from '../empty-chunks';
import type { PublishRun } from './run';

/** Empty tables that queries are analysed by. */
export async function makeShells(run: PublishRun): Promise<void> {
  const { context, database, added } = run;
  await run.step('publish.master');
  await createSchema(context.master, database);
  for (const table of added) await createTables(context.master, database, [table.definition.name], table, 'plain');
  await grantToQserv(context.master, database);
}

/**
 * Brings the list of chunks without data up to date. It comes before the tables are shown: queries of a new table must reach all
 * of its chunks from the first one on, and in the older tables the new chunks are empty but there.
 */
export async function listEmptyChunks(run: PublishRun): Promise<void> {
  await run.step('publish.empty-chunks');
  await fillEmptyChunks(run.context, run.database, run.family);
}

/** Shows the database and its new tables to queries. */
export async function showTables(run: PublishRun): Promise<void> {
  const { context, database, family, added } = run;
  const siblings = await context.metadata.run((sql) => databasesOfFamily(sql, family.name));
  await run.step('publish.css-database');
  await writeCssDatabase(
    context.master,
    database,
    family,
    siblings.filter((name) => name !== database),
  );
  await run.step('publish.css-tables');
  await writeCssTables(context.master, database, family, added);
}
