import type { Controller } from '../../controller/controller';
import { kindOf } from '../../core/tables';
import type { CampaignLedger, CommittedUnit, TableInUse } from '../ledger';
import { placeKey } from '../ledger';
import { isThere } from '../register';
import { type Catalog, deleteCommand } from './catalog';
import type { Faults } from './faults';
import type { DraftUnit } from './units';

/** What earlier campaigns left in a database. */
export interface Standing {
  /** What they committed into tables that are still there. Without a controller's word all of them are. */
  units: Map<string, CommittedUnit>;
  /** Tables that are gone, though the ledger says that units were committed into them. */
  gone: TableInUse[];
  /** Unpublished tables that are there and that they filled or were to fill. */
  unfinished: string[];
  /** Where regular tables go now. */
  workers: string[];
}

/** Asks the ledger, and the controller where there is one, what earlier campaigns left. Changes nothing. */
export async function findStanding(
  ledger: CampaignLedger,
  target: string,
  { database, registered }: Catalog,
  controller: Controller | undefined,
): Promise<Standing> {
  const units = await ledger.committedUnits(target, database.name);
  if (controller === undefined) return { units, gone: [], unfinished: [], workers: [] };
  const there = new Map(registered?.tables.map((t) => [t.definition.name, t.createTime]));
  const used = await ledger.tablesInUse(target, database.name);
  const unpublished = registered?.tables.filter((t) => !t.isPublished).map((t) => t.definition.name) ?? [];
  // A published database is a fault of its own, and locates nothing.
  const locations =
    registered?.isPublished === false ? await controller.locateRegular({ database: database.name }) : [];
  return {
    units: new Map([...units].filter(([, unit]) => isThere(unit, there))),
    gone: used.filter((table) => table.committed && !isThere(table, there)),
    unfinished: unpublished.filter((name) => used.some((t) => t.table === name && isThere(t, there))),
    workers: locations.map((l) => l.worker),
  };
}

/**
 * Leaves out what stands already with an equal fingerprint. What stands and is not wanted, or is wanted from other files, is a
 * fault: loading on top of it would give wrong rows. So is an unfinished table that is not named: it would be published as it is.
 */
export function withoutStanding(
  units: DraftUnit[],
  { units: standing, unfinished, workers }: Standing,
  catalog: Catalog,
  faults: Faults,
): DraftUnit[] {
  const named = new Set(catalog.tables.map((t) => t.definition.name));
  const database = catalog.database.name;
  for (const name of unfinished) {
    if (named.has(name)) continue;
    const remedy = `name ${name} again with all its files, or \`${deleteCommand(database, name)}\` first`;
    faults.add(
      'tables',
      `an earlier campaign for this database filled ${name} or was to, and did not publish it; ${remedy}`,
    );
  }
  if (standing.size === 0) return units;
  const left = new Map(standing);
  const changed = new Places();
  const wanted = units.filter((unit) => {
    const key = placeKey({ table: unit.table.definition.name, chunk: unit.chunk, overlap: unit.overlap });
    const there = standing.get(key);
    left.delete(key);
    if (there === undefined) return true;
    if (there.fingerprint === unit.fingerprint) return !isComplete(unit, there, workers);
    changed.add(there);
    return false;
  });
  const extra = new Places();
  for (const unit of left.values()) extra.add(unit);
  for (const { path: at, definition } of catalog.tables) {
    const path = `${at}.contributions`;
    const remedy = `name the same files again, or \`${deleteCommand(database, definition.name)}\` first`;
    changed.report(definition.name, (text) =>
      faults.add(path, `an earlier campaign committed other files, or another version of them, for ${text}; ${remedy}`),
    );
    extra.report(definition.name, (text) =>
      faults.add(path, `an earlier campaign committed ${text}, for which this one has no files; ${remedy}`),
    );
  }
  return wanted;
}

/** A regular table goes to every worker, also to one that came after the commit. */
function isComplete({ table }: DraftUnit, there: CommittedUnit, workers: string[]): boolean {
  if (!there.complete) return false;
  return kindOf(table.definition).partitioned || workers.every((worker) => there.workers.includes(worker));
}

/** Places by table, told as a number and an example. */
class Places {
  private readonly tables = new Map<string, { first: CommittedUnit; count: number }>();

  add(unit: CommittedUnit): void {
    const known = this.tables.get(unit.table);
    if (known === undefined) this.tables.set(unit.table, { first: unit, count: 1 });
    else known.count++;
  }

  report(table: string, tell: (text: string) => void): void {
    const places = this.tables.get(table);
    if (places === undefined) return;
    const { first, count } = places;
    const text = first.chunk === 0 ? table : `chunk ${first.chunk}${first.overlap ? ' (overlap)' : ''}`;
    tell(count === 1 ? text : `${text} and ${count - 1} more`);
  }
}
