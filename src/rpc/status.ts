/** How a status code travels: its gRPC number, its HTTP status, and whether a client may retry. */
export interface StatusRow {
  readonly number: number;
  readonly http: number;
  readonly retryable: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export type StatusCode =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** google/rpc/code.proto, with the HTTP mapping written there. */
export const statusTable: Readonly<Record<StatusCode, StatusRow>> = {
  OK: { number: 0, http: 200, retryable: false, logLevel: 'debug' },
  CANCELLED: { number: 1, http: 499, retryable: false, logLevel: 'debug' },
  UNKNOWN: { number: 2, http: 500, retryable: false, logLevel: 'error' },
  INVALID_ARGUMENT: { number: 3, http: 400, retryable: false, logLevel: 'debug' },
  DEADLINE_EXCEEDED: { number: 4, http: 504, retryable: true, logLevel: 'debug' },
  NOT_FOUND: { number: 5, http: 404, retryable: false, logLevel: 'debug' },
  ALREADY_EXISTS: { number: 6, http: 409, retryable: false, logLevel: 'debug' },
  PERMISSION_DENIED: { number: 7, http: 403, retryable: false, logLevel: 'info' },
  RESOURCE_EXHAUSTED: { number: 8, http: 429, retryable: true, logLevel: 'warn' },
  FAILED_PRECONDITION: { number: 9, http: 400, retryable: false, logLevel: 'info' },
  ABORTED: { number: 10, http: 409, retryable: true, logLevel: 'debug' },
  OUT_OF_RANGE: { number: 11, http: 400, retryable: false, logLevel: 'debug' },
  UNIMPLEMENTED: { number: 12, http: 501, retryable: false, logLevel: 'info' },
  INTERNAL: { number: 13, http: 500, retryable: false, logLevel: 'error' },
  UNAVAILABLE: { number: 14, http: 503, retryable: true, logLevel: 'warn' },
  DATA_LOSS: { number: 15, http: 500, retryable: false, logLevel: 'error' },
  UNAUTHENTICATED: { number: 16, http: 401, retryable: false, logLevel: 'info' },
};

/** The label `response_class` of Cloud Monitoring's request metrics. */
export function responseClass(code: StatusCode): 'success' | 'invalid' | 'internal' {
  if (code === 'OK') return 'success';
  return statusTable[code].http < 500 ? 'invalid' : 'internal';
}
