/** What is wrong with a rating of shared scans, or undefined. Any `int` of Qserv's is one, docs/contract/controller.md §13. */
export function scanRatingFault(rating: number): string | undefined {
  if (Number.isInteger(rating) && Math.abs(rating) < 2 ** 31) return undefined;
  return `${rating} is not a rating: use a whole number below 2^31`;
}
