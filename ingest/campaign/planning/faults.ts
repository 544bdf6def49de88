import { IngestError, type InputFault, invalidInput } from '../../core/errors';
import { isLasting } from '../../source';

/** An error message must fit into a Temporal failure, and nobody reads more. */
const MOST_LISTED = 100;

/** Faults of an input, collected until it is clear that nothing else is wrong. */
export class Faults {
  private readonly listed: InputFault[] = [];
  private count = 0;

  /** `what` they are faults of, for the error's first words. */
  constructor(private readonly what: 'campaign' | 'republish' = 'campaign') {}

  add(path: string, message: string): void {
    this.count++;
    if (this.listed.length < MOST_LISTED) this.listed.push({ path, message });
  }

  addAll(faults: readonly InputFault[]): void {
    for (const { path, message } of faults) this.add(path, message);
  }

  /** Takes an error that the input is to blame for; others are thrown on. */
  take(path: string, error: unknown): void {
    if (!(error instanceof IngestError) || !(INPUT_ERRORS.has(error.code) || isLasting(error))) throw error;
    this.add(path, error.message);
  }

  get any(): boolean {
    return this.count > 0;
  }

  /** Throws INVALID_INPUT if there is any fault. */
  check(): void {
    if (this.any) throw this.error();
  }

  /** INVALID_INPUT with all of them. */
  error(): IngestError {
    const more = this.count - this.listed.length;
    const rest = more > 0 ? [{ path: '(input)', message: `and ${more} further faults` }] : [];
    return invalidInput(`the ${this.what} cannot be planned`, [...this.listed, ...rest]);
  }
}

const INPUT_ERRORS: ReadonlySet<string> = new Set(['INVALID_INPUT', 'SOURCE_MISSING', 'SOURCE_DENIED']);
