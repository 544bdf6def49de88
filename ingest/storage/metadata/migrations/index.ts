import type { Migration } from '../migrate';
import { records } from './001-records';
import { loadUnits } from './002-load-units';
import { campaigns } from './003-campaigns';
import { tableIdentity } from './004-table-identity';
import { presence } from './005-presence';
import { replacements } from './006-replacements';
import { republish } from './007-republish';
import { contributionRequests } from './008-contribution-requests';
import { tableAlterations } from './009-table-alterations';
import { tableDeletions } from './010-table-deletions';

/** All migrations in order. A new one is a file here and a line below; one that was released is never changed. */
export const MIGRATIONS: readonly Migration[] = [
  records,
  loadUnits,
  campaigns,
  tableIdentity,
  presence,
  replacements,
  republish,
  contributionRequests,
  tableAlterations,
  tableDeletions,
];
