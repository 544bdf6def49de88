import type { TableDefinition, TableKindName } from './definition';
import { dependent } from './dependent';
import { director } from './director';
import type { TableKind } from './kind';
import { refMatch } from './ref-match';
import { regular } from './regular';

const KINDS = { director, dependent, refMatch, regular } satisfies { [K in TableKindName]: TableKind<K> };

/** The kind of a table. */
export function kindOf(definition: TableDefinition): TableKind {
  return KINDS[definition.kind] as TableKind;
}
