import type { Readable } from 'node:stream';
import { parseDialect } from '../../../core/dialect';
import { IngestError } from '../../../core/errors';
import { type GivenSource, givenSource, openSource } from '../../../source';
import { contributionContext } from '../../../storage/metadata/contribution-context';
import { findContribution } from '../../../storage/metadata/contribution-records';
import { findRequest } from '../../../storage/metadata/contribution-requests';
import { ingestConfigOf } from '../../../storage/metadata/ingest-config';
import { finalTableOf } from '../../../storage/places/settle';
import type { LoadOptions } from '../../worker';
import type { ContributionContext } from './context';
import type { Created } from './create';
import type { Work } from './work';

/** A contribution by reference that is recorded, as what is to be done. UNKNOWN_CONTRIBUTION when it went with its table. */
export async function referenceWork(worker: ContributionContext, id: number, options: LoadOptions): Promise<Work> {
  const { contribution, request, context } = await worker.metadata.transaction(async (tx) => {
    const contribution = await findContribution(tx, id);
    const request = await findRequest(tx, id);
    if (!contribution || !request) throw unknownContribution(id);
    return {
      contribution,
      request,
      context: await contributionContext(tx, request.place.transactionId, request.place.table),
    };
  });
  const { url, http, charset, maxNumWarnings, maxRetries, numFailedRetries } = contribution;
  const dialect = parseDialect(contribution.dialect);
  const { database } = request.place;
  return {
    id,
    channel: request.channel,
    chunk: contribution.chunk,
    place: request.place,
    finalTable: finalTableOf(request.place, context.partitioned),
    columns: context.columns.map(({ name }) => name),
    input: {
      url,
      dialect,
      charset,
      open: async (signal) => {
        // As it is now: a client may have mended it since the last attempt.
        const transfer = await worker.metadata.run((sql) => ingestConfigOf(sql, database));
        // Headers are the client's own words: what looks like a reference to a secret of this host is not one.
        const rules = { ...worker.sources, resolveSecret: undefined, redirects: 'refuse' as const, transfer };
        return openSource({ url, dialect, charset, http }, rules, signal);
      },
    },
    maxNumWarnings,
    retries: Math.max(0, maxRetries - numFailedRetries),
    isAsync: contribution.isAsync,
    options,
  };
}

/** A contribution whose rows are sent, before they are. */
export function valueWork({ columns, dialect, charset, contribution: _, ...created }: Created): Work {
  return {
    ...created,
    columns: columns.map(({ name }) => name),
    input: {
      url: `contribution ${created.id}`,
      dialect,
      charset,
      open: async () => {
        throw new IngestError('INTERNAL', `no rows of contribution ${created.id} were given`);
      },
    },
    retries: 0,
    isAsync: false,
    options: {},
  };
}

/** The same with the rows that are sent for it. */
export function withRows(work: Work, csv: Readable, stallSeconds: number, options: LoadOptions): Work & GivenRows {
  let opened: GivenSource | undefined;
  const open = async (signal?: AbortSignal) => {
    opened = givenSource(csv, stallSeconds, signal);
    return opened;
  };
  return {
    ...work,
    input: { ...work.input, open },
    options,
    inputFailure: () => opened?.failure(),
    rows: () => opened?.counts().rows ?? 0,
  };
}

export interface GivenRows {
  /** Rows so far. */
  rows(): number;
}

export function unknownContribution(id: number): IngestError {
  return new IngestError('UNKNOWN_CONTRIBUTION', `no such contribution ${id}`, { contribution: id });
}
