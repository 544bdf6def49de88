import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { IngestError } from '../ingest/core/errors';

/**
 * The failure that Temporal is told of: type = the error's code, never retried when repeating cannot help, details = the
 * error's facts (input faults by path, MySQL warnings, …). What is not an IngestError is a defect or a driver's surprise: retried.
 */
export function toFailure(error: unknown): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof IngestError) {
    if (error.code === 'CANCELLED') return new CancelledFailure(error.message);
    return ApplicationFailure.create({
      message: error.message,
      type: error.code,
      nonRetryable: !error.transient,
      details: [error.details],
    });
  }
  return error instanceof Error ? error : new Error(String(error));
}
