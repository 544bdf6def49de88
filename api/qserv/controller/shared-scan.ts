import { z } from 'zod';
import type { ScanRating } from '../../../ingest/controller/finishing';
import { endpoint, type ReplyOf } from '../endpoint';
import { int } from '../fields';
import { pathName } from '../query-fields';

const ofTables = z.record(
  z.string(),
  z.object({ scanRating: z.int().optional().describe('Absent while the query front end does not know the table.') }),
);

const reply = z.object({
  css: z
    .object({
      shared_scan: z
        .record(z.string(), z.record(z.string(), ofTables))
        .nullable()
        .describe(
          'By family, database and table. Partitioned tables but for ref-match tables; null when there are none in any database.',
        ),
    })
    .describe("What Qserv's query front end goes by."),
});

/** GET /replication/qserv/css/shared-scan, docs/contract/controller.md §13. */
export const sharedScans = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/replication/qserv/css/shared-scan',
  component: 'HTTP-PROCESSOR',
  floor: 45,
  summary: 'Shared-scan ratings of all tables',
  tag: 'shared scans',
  reply,
});

/** PUT /replication/qserv/css/shared-scan/:database/:table. */
export const setSharedScan = endpoint({
  service: 'controller',
  method: 'PUT',
  path: '/replication/qserv/css/shared-scan/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 45,
  summary: 'Set the shared-scan rating of a table',
  description: 'Publishing sets 1. Answers like GET. The table is no longer locked in memory after it.',
  tag: 'shared scans',
  params: z.object({
    database: pathName.describe('Name of the database.'),
    table: pathName.describe('A partitioned table that is no ref-match table.'),
  }),
  body: z.object({ scanRating: int.describe('The rating.') }),
  reply,
});

type SharedScans = ReplyOf<typeof sharedScans>;

export function toWireSharedScans(ratings: ScanRating[]): SharedScans {
  if (ratings.length === 0) return { css: { shared_scan: null } };
  // Any word is a name, `constructor` too: no look-ups in plain objects.
  const families = new Map<string, Map<string, [string, { scanRating?: number }][]>>();
  for (const { family, database, table, rating } of ratings) {
    const databases = families.get(family) ?? new Map<string, [string, { scanRating?: number }][]>();
    families.set(family, databases);
    const tables = databases.get(database) ?? [];
    databases.set(database, tables);
    tables.push([table, rating === undefined ? {} : { scanRating: rating }]);
  }
  const tree = [...families].map(([family, databases]) => [
    family,
    Object.fromEntries([...databases].map(([database, tables]) => [database, Object.fromEntries(tables)])),
  ]);
  return { css: { shared_scan: Object.fromEntries(tree) } };
}

/** By database and table. */
export function fromWireSharedScans({ css }: SharedScans): ScanRating[] {
  const ratings: ScanRating[] = [];
  for (const [family, databases] of Object.entries(css.shared_scan ?? {})) {
    for (const [database, tables] of Object.entries(databases)) {
      for (const [table, { scanRating }] of Object.entries(tables)) {
        ratings.push({ family, database, table, ...(scanRating === undefined ? {} : { rating: scanRating }) });
      }
    }
  }
  const key = ({ database, table }: ScanRating) => `${database}.${table}`;
  return ratings.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
