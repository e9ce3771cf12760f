/** google.rpc.Code, by its numbers. */
const codes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** The name of an error's code. */
export type Status = Exclude<(typeof codes)[number], 'OK'>;

/** The name of a code's number; UNKNOWN for a number that has none. */
export function statusOf(code: number): Status {
  const status = codes[code] ?? 'UNKNOWN';
  return status === 'OK' ? 'UNKNOWN' : status;
}

export function codeOf(status: Status): number {
  return codes.indexOf(status);
}

/** The request may succeed as it is, a little later. */
export function isRetried(status: Status): boolean {
  return retried.has(status);
}

/** A stream that ended so is opened again: what it waits for may come back by itself. */
export function isReopened(status: Status, reason: string): boolean {
  if (status === 'FAILED_PRECONDITION') return curedByWaiting.has(reason);
  return status === 'INTERNAL' || status === 'UNKNOWN' || retried.has(status);
}

const retried: ReadonlySet<Status> = new Set([
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
  'UNAVAILABLE',
]);

/** A key that cannot be used may be given back; any other precondition needs another request. */
const curedByWaiting: ReadonlySet<string> = new Set([
  'KEY_DISABLED',
  'KEY_DESTROY_SCHEDULED',
  'KEY_DESTROYED',
  'KEY_PRIMARY_VERSION_MISSING',
  'KEY_USE_DENIED',
  'KMS_RESOURCE_NOT_FOUND',
  'KMS_UNREACHABLE',
]);
