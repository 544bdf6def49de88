import { CommanderError } from 'commander';
import { type ErrorCode, IngestError } from '../../ingest/core/errors';

/** Exit codes; `campaign --help` and the README list them. */
export const EXIT = {
  ok: 0,
  /** A defect of ours. */
  defect: 1,
  /** Wrong usage, or an input with faults. */
  input: 2,
  /** The campaign failed, was aborted or cancelled; a worker did not load a file. */
  failed: 3,
  /** Temporal, PostgreSQL, a source or a worker does not answer. */
  unreachable: 4,
  /** Refused: the database is claimed, the campaign runs already, or a key is missing or wrong. */
  refused: 5,
  /** No such campaign. */
  unknown: 6,
} as const;

export const EXIT_HELP = `
Exit codes: 0 done; 1 a defect; 2 wrong usage or input; 3 the campaign failed, was aborted or cancelled, or
a worker did not load a file; 4 Temporal, PostgreSQL, a source or a worker does not answer; 5 refused: the database is claimed, the
campaign runs already, or a key is needed; 6 no such campaign.`;

/** What a command ends with when it cannot do its work. */
export class CommandError extends Error {
  constructor(
    readonly exit: (typeof EXIT)[keyof typeof EXIT],
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

const UNREACHABLE: ReadonlySet<string> = new Set<ErrorCode>(['UNAVAILABLE', 'SOURCE_BROKEN']);
const REFUSED: ReadonlySet<string> = new Set<ErrorCode>(['CLAIMED', 'NOT_ALLOWED']);
const INPUT: ReadonlySet<string> = new Set<ErrorCode>([
  'INVALID_INPUT',
  'UNKNOWN_TARGET',
  'SOURCE_MISSING',
  'SOURCE_DENIED',
]);

/** Exit code for an error code of the domain; what a campaign reports as its failure included. */
export function exitFor(code: string): (typeof EXIT)[keyof typeof EXIT] {
  if (INPUT.has(code)) return EXIT.input;
  if (REFUSED.has(code)) return EXIT.refused;
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  return EXIT.failed;
}

/** gRPC statuses, https://grpc.github.io/grpc/core/md_doc_statuscodes.html: DEADLINE_EXCEEDED, UNAVAILABLE. */
const NO_ANSWER: ReadonlySet<unknown> = new Set([4, 14]);

/** Any error as what the command line says of it. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof IngestError) {
    return new CommandError(exitFor(error.code), error.code, error.message, error.details);
  }
  if (error instanceof CommanderError) {
    return new CommandError(error.exitCode === 0 ? EXIT.ok : EXIT.input, 'USAGE', error.message);
  }
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const status = grpcStatus(error);
  if (name === 'WorkflowNotFoundError') return new CommandError(EXIT.unknown, 'UNKNOWN_CAMPAIGN', message);
  if (NO_ANSWER.has(status) || /failed to connect/i.test(message)) {
    return new CommandError(EXIT.unreachable, 'UNAVAILABLE', `Temporal does not answer: ${reasonOf(error)}`);
  }
  return new CommandError(EXIT.defect, 'INTERNAL', error instanceof Error ? (error.stack ?? message) : message);
}

/** gRPC status of an error or of its cause. */
export function grpcStatus(error: unknown): number | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'number') return code;
  return cause === undefined ? undefined : grpcStatus(cause);
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
