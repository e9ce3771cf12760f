/** A promise that the code makes to itself was broken: a bug, never a caller's mistake. */
export class InvariantError extends Error {
  override name = 'InvariantError';
}

/** Stops with an InvariantError unless `condition` holds; on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
