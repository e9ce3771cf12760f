/** The wait before try `attempt` (1, 2, …) within such bounds. */
export function backoffMs(
  bounds: { readonly first: number; readonly longest: number },
  attempt: number,
): number {
  return Math.min(bounds.first * 2 ** Math.min(attempt - 1, 30), bounds.longest);
}
