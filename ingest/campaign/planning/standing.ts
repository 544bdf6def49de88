import type { CampaignLedger, CommittedUnit } from '../ledger';
import { placeKey } from '../ledger';
import type { Catalog } from './catalog';
import type { Faults } from './faults';
import type { DraftUnit } from './units';

/** What earlier campaigns committed into tables that are still there. Without a controller's word all of them are. */
export async function standingUnits(
  ledger: CampaignLedger,
  target: string,
  { database, registered }: Catalog,
  asked: boolean,
): Promise<Map<string, CommittedUnit>> {
  const committed = await ledger.committedUnits(target, database.name);
  if (!asked) return committed;
  const tables = new Set(registered?.tables.map((t) => t.definition.name));
  return new Map([...committed].filter(([, unit]) => tables.has(unit.table)));
}

/**
 * Leaves out what stands already with an equal fingerprint. What stands and is not wanted, or is wanted from other files, is a
 * fault: loading on top of it would give wrong rows.
 */
export function withoutStanding(
  units: DraftUnit[],
  standing: Map<string, CommittedUnit>,
  catalog: Catalog,
  faults: Faults,
): DraftUnit[] {
  if (standing.size === 0) return units;
  const left = new Map(standing);
  const changed = new Places();
  const wanted = units.filter((unit) => {
    const key = placeKey({ table: unit.table.definition.name, chunk: unit.chunk, overlap: unit.overlap });
    const there = standing.get(key);
    left.delete(key);
    if (there === undefined) return true;
    if (there.fingerprint === unit.fingerprint) return !there.complete;
    changed.add(there);
    return false;
  });
  const extra = new Places();
  for (const unit of left.values()) extra.add(unit);
  for (const { index, definition } of catalog.tables) {
    const path = `tables[${index}].contributions`;
    const remedy = `name the same files again, or delete the table ${definition.name} first`;
    changed.report(definition.name, (text) =>
      faults.add(path, `an earlier campaign committed other files, or another version of them, for ${text}; ${remedy}`),
    );
    extra.report(definition.name, (text) =>
      faults.add(path, `an earlier campaign committed ${text}, for which this one has no files; ${remedy}`),
    );
  }
  return wanted;
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
