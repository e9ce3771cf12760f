const firstMs = 100;
/** The longest back-off that a retry policy may ask for. */
const longestMs = 600_000;
/** Where the attempts are counted, they are not made too rare. */
const longestCountedMs = 10_000;

/**
 * A message whose transform has failed so often waits so long at least, in milliseconds: its code
 * will fail again, and must not be run for nothing but that.
 */
export function transformDelayMs(failures: number, isCounted: boolean): number {
  const longest = isCounted ? longestCountedMs : longestMs;
  return Math.min(longest, firstMs * 2 ** Math.max(0, failures - 1));
}
