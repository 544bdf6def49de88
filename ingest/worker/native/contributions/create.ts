import { parseBinaryRequest } from '../../../core/binary-request';
import { loadCharset } from '../../../core/charsets';
import type { ContributionChannel } from '../../../core/contribution-texts';
import * as texts from '../../../core/contribution-texts';
import type { Contribution } from '../../../core/contributions';
import { type Dialect, parseDialect } from '../../../core/dialect';
import { type ErrorCode, IngestError } from '../../../core/errors';
import { checkReferenceUrl } from '../../../source';
import {
  type ContributionContext as Context,
  contributionContext,
} from '../../../storage/metadata/contribution-context';
import { findContribution } from '../../../storage/metadata/contribution-records';
import { insertContribution } from '../../../storage/metadata/contribution-requests';
import { finalTableOf } from '../../../storage/places/settle';
import type { ContributionTarget, ReferenceRequest, ValueRequest } from '../../contributions';
import type { LoadUnit } from '../../worker';
import type { ContributionContext } from './context';

/** A contribution that was recorded. */
export interface Created {
  id: number;
  /** Its record, before anybody begins it. */
  contribution: Contribution;
  channel: ContributionChannel;
  /** Chunk as submitted. */
  chunk: number;
  place: LoadUnit;
  /** Table that the partition belongs to. */
  finalTable: string;
  dialect: Dialect;
  charset: string;
  maxNumWarnings: number;
  columns: Context['columns'];
}

/** Checks and records a contribution by reference. Errors as in `ContributionOperations`; recorded ones are CREATE_FAILED. */
export function createReference(worker: ContributionContext, request: ReferenceRequest): Promise<Created> {
  const { numRetries, maxRetries } = worker.settings;
  return create(worker, request, {
    channel: 'reference',
    url: request.url,
    http: { ...request.http, method: request.http.method || 'GET' },
    isAsync: request.isAsync,
    maxRetries: Math.min(request.maxRetries ?? numRetries, maxRetries),
    check: (context) => {
      checkOpen(context, request);
      checkReferenceUrl(request.url);
    },
  });
}

/** Checks and records a contribution by value. What its rows will meet is checked when they come. */
export function createValue(worker: ContributionContext, request: ValueRequest): Promise<Created> {
  return create(worker, request, {
    channel: request.channel,
    url: request.url,
    http: { method: 'GET', data: '', headers: [] },
    isAsync: false,
    maxRetries: 0,
    check: (context) => checkState(context, request.transactionId, request.channel),
  });
}

interface Way {
  channel: ContributionChannel;
  url: string;
  http: ReferenceRequest['http'];
  isAsync: boolean;
  maxRetries: number;
  check(context: Context): void;
}

async function create(worker: ContributionContext, request: ContributionTarget, way: Way): Promise<Created> {
  const { channel, url, http, isAsync, maxRetries } = way;
  const maxNumWarnings = request.maxNumWarnings || worker.settings.maxWarnings;
  await worker.session.hold();
  const { created, refusal } = await worker.metadata.transaction(async (tx) => {
    const context = await contributionContext(tx, request.transactionId, request.table);
    const { parsed, refusal } = parse(request, context, way);
    const charset = parsed?.charset || request.charset || worker.settings.charset;
    const place = placeOf(request, context);
    const id = await insertContribution(
      tx,
      worker.session.id,
      {
        worker: worker.name,
        place,
        chunk: request.chunk,
        overlap: request.overlap,
        channel,
        url,
        http,
        charset,
        dialect: parsed?.dialect ?? request.dialect,
        isAsync,
        maxRetries,
        maxNumWarnings,
      },
      refusal?.message,
    );
    const { columns } = context;
    const { chunk } = request;
    const dialect = parsed?.dialect as Dialect;
    const finalTable = finalTableOf(place, context.partitioned);
    const contribution = (await findContribution(tx, id)) as Contribution;
    return {
      refusal,
      created: { id, contribution, channel, chunk, place, finalTable, dialect, charset, maxNumWarnings, columns },
    };
  });
  if (refusal) throw refused(refusal, created.id, 'CREATE_FAILED');
  return created;
}

function parse(
  request: ContributionTarget,
  context: Context,
  way: Way,
): { parsed?: { dialect: Dialect; charset: string }; refusal?: IngestError } {
  try {
    if (context.columns.length === 0) {
      throw new IngestError('INVALID_INPUT', texts.NO_SCHEMA, { database: context.database, table: request.table });
    }
    way.check(context);
    const { dialect: given, charset } = request;
    const dialect = way.channel === 'binary' ? parseBinaryRequest(way.url, given) : parseDialect(given);
    return { parsed: { dialect, charset: loadCharset(charset) } };
  } catch (error) {
    if (error instanceof IngestError) return { refusal: error };
    throw error;
  }
}

/** A refusal with the record that it left. */
export function refused(refusal: IngestError, id: number, status: string): IngestError {
  return new IngestError(refusal.code, refusal.message, { ...refusal.details, contribution: id, status });
}

/** Partition that the rows go into; regular tables have one a super-transaction. */
function placeOf(request: ContributionTarget, { database, partitioned }: Context): LoadUnit {
  const { transactionId, table, chunk, overlap } = request;
  return partitioned
    ? { transactionId, database, table, chunk, overlap }
    : { transactionId, database, table, chunk: 0, overlap: false };
}

/** Whether database, table and super-transaction can take rows, in Qserv's words. DATABASE_PUBLISHED, TABLE_PUBLISHED, ILLEGAL_STATE. */
export function checkOpen(context: Context, { transactionId, table }: { transactionId: number; table: string }): void {
  const { database } = context;
  if (context.databasePublished) refuse('DATABASE_PUBLISHED', texts.databasePublished(database), { database });
  checkTable(context, table);
  checkState(context, transactionId);
}

/** TABLE_PUBLISHED; ILLEGAL_STATE for one whose deletion was begun. */
export function checkTable({ database, tablePublished, tableBeingDeleted }: Context, table: string): void {
  if (tablePublished) refuse('TABLE_PUBLISHED', texts.tablePublished(database, table), { database, table });
  if (tableBeingDeleted) refuse('ILLEGAL_STATE', texts.beingDeleted(database, table), { database, table });
}

function checkState({ state }: Context, id: number, channel?: ContributionChannel): void {
  if (state !== 'STARTED') refuse('ILLEGAL_STATE', texts.notActive(id, channel), { id, state });
}

function refuse(code: ErrorCode, message: string, details: Record<string, unknown>): never {
  throw new IngestError(code, message, details);
}
