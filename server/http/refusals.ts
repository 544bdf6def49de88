import { Refusal } from '../../api/qserv/refusal';
import { type ErrorCode, IngestError } from '../../ingest/core/errors';

/** Words for an error of the domain; none (undefined) leaves it to the common ones. */
type Wording = (error: IngestError) => Refusal | undefined;

/** An endpoint's own words by the domain's codes. */
export type RefusalTexts = Partial<Record<ErrorCode, Wording>>;

/** Texts of docs/contract/README.md §2 that every service uses. */
const COMMON: RefusalTexts = {
  UNKNOWN_DATABASE: ({ details }) => failed(`CONFIG  _databaseInfo no such database '${details.database}'.`),
  UNKNOWN_TABLE: ({ details }) =>
    failed(`DatabaseInfo::findTable no such table '${details.table}' found in the database '${details.database}'.`),
  UNKNOWN_FAMILY: ({ details }) => failed(`CONFIG  _databaseFamilyInfo no such database family '${details.family}'.`),
  UNKNOWN_TRANSACTION: ({ details }) =>
    failed(
      `DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=${details.id} no such transaction`,
    ),
  INVALID_INPUT: (error) => new Refusal('P', error.message, explained(error)),
};

const failed = (tail: string) => new Refusal('F', tail);

/** MySQL's error 1050, of a table on the master. */
export function tableExists(table: string): Refusal {
  return failed(`Table '${table}' already exists, errno: 1050`);
}

/** The domain's own account of a failure, for programs. */
export function explained({ code, details }: IngestError): Record<string, unknown> {
  return { code, ...details };
}

/**
 * How Qserv says what went wrong. Endpoints with texts of their own throw a Refusal, or translate with `saying`. Undefined for what is
 * no failure of the domain, hence a defect of ours.
 */
export function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!(error instanceof IngestError)) return undefined;
  return COMMON[error.code]?.(error) ?? new Refusal('F', error.message, explained(error));
}

/** Runs an operation of the domain whose failures have texts of their own; `others` is asked for those that `texts` leaves. */
export async function saying<T>(texts: RefusalTexts, work: () => Promise<T>, others?: Wording): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw (error instanceof IngestError && (texts[error.code]?.(error) ?? others?.(error))) || error;
  }
}
