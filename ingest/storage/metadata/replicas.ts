import type { Placement, PlacementState } from '../../core/placement';
import type { Queryable, Transaction } from './open';

/** "Chunk C of the database is on worker W"; before publishing it is also the placement decision. */
export interface ReplicaRecord {
  chunk: number;
  worker: string;
}

/** Replicas of a database, by chunk and worker. */
export async function replicasOf(sql: Queryable, database: string): Promise<ReplicaRecord[]> {
  return await sql<ReplicaRecord[]>`
    SELECT chunk, worker FROM qserv.replica WHERE database = ${database} ORDER BY chunk, worker COLLATE "C"`;
}

/** Replicas of some chunks of a database, with the time at which each was recorded or seen. */
export async function replicasOfChunks(
  sql: Queryable,
  database: string,
  chunks: number[],
): Promise<(ReplicaRecord & { verifyTime: number })[]> {
  return await sql<(ReplicaRecord & { verifyTime: number })[]>`
    SELECT chunk, worker, verify_time AS "verifyTime" FROM qserv.replica
    WHERE database = ${database} AND chunk = ANY (${chunks}::integer[]) ORDER BY chunk, worker COLLATE "C"`;
}

/** How many different chunks enabled workers have. */
export async function countChunks(sql: Queryable, database: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(DISTINCT r.chunk) AS count FROM qserv.replica r JOIN qserv.config_worker w ON w.name = r.worker
    WHERE r.database = ${database} AND w.is_enabled`;
  return (row as { count: number }).count;
}

/** Chunks of the database that an enabled worker has. */
export async function chunksOnEnabledWorkers(sql: Queryable, database: string): Promise<number[]> {
  const rows = await sql<{ chunk: number }[]>`
    SELECT DISTINCT r.chunk FROM qserv.replica r JOIN qserv.config_worker w ON w.name = r.worker
    WHERE r.database = ${database} AND w.is_enabled ORDER BY r.chunk`;
  return rows.map((row) => row.chunk);
}

/** Placement decisions of the whole instance come one after the other: they look at every worker's load. */
export async function lockPlacement(tx: Transaction): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(hashtextextended('placement', 0))`;
}

/** What placement of these chunks looks at. */
export async function placementState(
  sql: Queryable,
  database: string,
  family: string,
  chunks: number[],
  usable: string[],
): Promise<PlacementState> {
  const load = await sql<{ worker: string; count: number }[]>`
    SELECT worker, count(*) AS count FROM qserv.replica GROUP BY worker`;
  const known = await sql<{ chunk: number; worker: string; here: boolean }[]>`
    SELECT r.chunk, r.worker, bool_or(r.database = ${database}) AS here
    FROM qserv.replica r JOIN qserv.config_database d USING (database)
    WHERE d.family_name = ${family} AND r.chunk = ANY (${chunks}::integer[]) GROUP BY r.chunk, r.worker`;
  const inDatabase = new Map<number, string[]>();
  const inFamily = new Map<number, string[]>();
  const add = (to: Map<number, string[]>, chunk: number, worker: string) => {
    const list = to.get(chunk);
    if (list) list.push(worker);
    else to.set(chunk, [worker]);
  };
  for (const { chunk, worker, here } of known) {
    add(inFamily, chunk, worker);
    if (here) add(inDatabase, chunk, worker);
  }
  return { usable, load: new Map(load.map((l) => [l.worker, l.count])), inDatabase, inFamily };
}

/** Records the new ones among placements. */
export async function insertReplicas(tx: Transaction, database: string, placements: Placement[]): Promise<void> {
  const added = placements
    .filter((p) => p.isNew)
    .flatMap((p) => p.workers.map((worker) => ({ chunk: p.chunk, worker })));
  if (added.length === 0) return;
  await tx`
    INSERT INTO qserv.replica (worker, database, chunk, verify_time)
    SELECT worker, ${database}, chunk, ${Date.now()}
    FROM unnest(${added.map((a) => a.worker)}::text[], ${added.map((a) => a.chunk)}::integer[]) AS a (worker, chunk)`;
}
