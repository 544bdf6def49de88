import { randomUUID } from 'node:crypto';
import { Refusal } from '../../api/qserv/refusal';
import type { DatabaseDefinition } from '../../ingest/controller/controller';
import type { IngestError, InputFault } from '../../ingest/core/errors';
import { explained, type RefusalTexts } from '../http/refusals';
import { countersFailed } from './table-stats';
import { workerFailure } from './worker-failures';

export function familyExists(name: string): Refusal {
  return new Refusal('F', `CONFIG  addDatabaseFamily the family '${name}' already exists.`);
}

/** Qserv's words for what can be wrong with a new database, docs/contract/controller.md §4.1. */
export function registrationTexts(definition: DatabaseDefinition): RefusalTexts {
  const { name, numStripes, numSubStripes, overlap } = definition;
  return {
    ALREADY_EXISTS: ({ details: { database, family } }) => {
      if (family !== undefined) return familyExists(String(family));
      // Another one, whose name differs in case only, is nothing that Qserv has words for.
      return database === name
        ? new Refusal('F', `CONFIG  addDatabase the database '${name}' already exists.`)
        : undefined;
    },
    INVALID_INPUT: (error) => {
      const { faults = [] } = error.details as { faults?: InputFault[] };
      const noFamily = faults.some(({ path }) => path === 'overlap') || numStripes === 0 || numSubStripes === 0;
      if (!noFamily) return undefined;
      const parts = [
        ...(numStripes === 0 ? ['numStripes(0)'] : []),
        ...(numSubStripes === 0 ? ['numSubStripes(0)'] : []),
        ...(overlap <= 0 ? ['overlap(<=0)'] : []),
      ];
      return new Refusal('P', `CONFIG  addDatabaseFamily ${parts.join(' ')}`, explained(error));
    },
  };
}

/** Qserv's words for what stands in the way of publishing, docs/contract/controller.md §4.3. */
export function publishTexts(database: string): {
  texts: RefusalTexts;
  others: (e: IngestError) => Refusal | undefined;
} {
  const explicit = (tail: string) => (error: IngestError) => new Refusal('E', tail, explained(error));
  return {
    texts: {
      DATABASE_PUBLISHED: explicit('the database is already published'),
      OPEN_TRANSACTIONS: explicit('database has uncommitted transactions'),
    },
    others: (error) => phaseText(error, database),
  };
}

function phaseText(error: IngestError, database: string): Refusal | undefined {
  const { phase, finalTable, failures } = error.details;
  switch (phase) {
    case 'grant':
      return workerFailure('grant access to a database failed')(error);
    case 'enable':
      return workerFailure('enabling database failed')(error);
    case 'create':
      return workerFailure(`table creation failed for: '${finalTable}'`)(error);
    case 'finish':
      return workerFailure(`MySQL partitions removal failed for database: ${database}, table: ${finalTable}`)(error);
    case 'count':
      return countersFailed({ operation: 'Scan table row counters.', job_id: randomUUID(), workers: failures ?? {} });
    case 'deploy':
      return countersFailed({ operation: 'Deploy table row counters in Qserv.', error: error.message });
    default:
      // Without chunks, or a table without schema: the domain says it as Qserv does.
      return error.code === 'ILLEGAL_STATE' ? new Refusal('E', error.message, explained(error)) : undefined;
  }
}
