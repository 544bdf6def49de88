/** What may come next in a JSON text. */
export const State = {
  VALUE: 0,
  ELEMENT_OR_END: 1,
  KEY_OR_END: 2,
  KEY: 3,
  COLON: 4,
  COMMA_OR_END: 5,
  NOTHING: 6,
  STRING: 7,
  ESCAPE: 8,
  HEX: 9,
  /** Behind a high surrogate: `\`, then `u`. */
  LOW: 10,
  LOW_U: 11,
  LITERAL: 12,
  /** From here on: within a number. */
  NUMBER: 13,
  MINUS: 14,
  ZERO: 15,
  INTEGER: 16,
  POINT: 17,
  FRACTION: 18,
  E: 19,
  E_SIGN: 20,
  EXPONENT: 21,
} as const;
export type State = (typeof State)[keyof typeof State];

/** The state after one more byte of a number; none when the byte does not belong to it. */
export function afterNumber(state: State, c: number): State | undefined {
  if (c >= 48 && c <= 57) {
    switch (state) {
      case State.NUMBER:
      case State.MINUS:
        return c === 48 ? State.ZERO : State.INTEGER;
      case State.ZERO:
        return undefined;
      case State.POINT:
        return State.FRACTION;
      case State.E:
      case State.E_SIGN:
        return State.EXPONENT;
    }
    return state;
  }
  if (c === 46) return state === State.ZERO || state === State.INTEGER ? State.POINT : undefined;
  if (c === 101 || c === 69) {
    return state === State.ZERO || state === State.INTEGER || state === State.FRACTION ? State.E : undefined;
  }
  if (c === 45) return state === State.NUMBER ? State.MINUS : state === State.E ? State.E_SIGN : undefined;
  return c === 43 && state === State.E ? State.E_SIGN : undefined;
}
