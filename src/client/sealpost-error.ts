import { codeOf, type Status } from './status.ts';

/** One detail of an error, in proto3 JSON; `@type` is its type's URL. */
export interface ErrorDetail {
  readonly '@type': string;
  readonly [field: string]: unknown;
}

interface SealpostErrorOptions extends ErrorOptions {
  readonly details?: readonly ErrorDetail[];
}

/** What the server refused, or what the client gave up, with the API's own code and words. */
export class SealpostError extends Error {
  override readonly name: string = 'SealpostError';
  /** google.rpc.Code: 9. */
  readonly code: number;
  /** Its name: `FAILED_PRECONDITION`. */
  readonly status: Status;
  /** A stable word for programs: `KEY_DISABLED`. */
  readonly reason: string;
  readonly details: readonly ErrorDetail[];

  constructor(
    status: Status,
    reason: string,
    message: string,
    { details, ...options }: SealpostErrorOptions = {},
  ) {
    super(message, options);
    this.code = codeOf(status);
    this.status = status;
    this.reason = reason;
    this.details = details ?? [];
  }
}

/** A request that cannot be sent as it is. */
export function badArgument(reason: string, message: string): SealpostError {
  return new SealpostError('INVALID_ARGUMENT', reason, message);
}
