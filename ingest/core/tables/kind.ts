import type { InputFault } from '../errors';
import type { TableDefinition, TableKindName } from './definition';

export type DefinitionOf<K extends TableKindName> = Extract<TableDefinition, { kind: K }>;

/** What the rules of a kind may ask about the catalog. Names as registered. */
export interface KnownTables {
  /** Database of the new table. */
  database: string;
  hasDatabase(database: string): boolean;
  table(database: string, table: string): TableDefinition | undefined;
  /** Tables of other databases. */
  elsewhere: readonly { database: string; definition: TableDefinition }[];
}

/** Another table that a definition refers to. `field` is where it does so. */
export interface DirectorReference {
  field: string;
  database: string;
  table: string;
  /** The key column here. */
  key: string;
}

/** One kind of table. Code that differs by kind asks this. */
export interface TableKind<K extends TableKindName = TableKindName> {
  /** Stored by chunk; else whole on every worker. */
  readonly partitioned: boolean;
  /** Qserv scans it for many queries at once, by a rating that can be set (docs/contract/controller.md §13). */
  readonly sharedScans: boolean;
  /** Faults of the kind's own rules, docs/contract/controller.md §5.3. */
  validate(definition: DefinitionOf<K>, known: KnownTables): InputFault[];
  /** Faults of the columns' types alone, part of `validate`. */
  columnFaults(definition: DefinitionOf<K>): InputFault[];
  /** Columns by which Qserv finds rows, chunks and other tables, beside the transaction column. They stay as they are. */
  keyColumns(definition: DefinitionOf<K>): string[];
  /** Directors the table depends on. `database` is the table's own. */
  directors(definition: DefinitionOf<K>, database: string): DirectorReference[];
}
