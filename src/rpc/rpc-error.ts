import type { StatusCode } from './status.ts';

/** A google.rpc error detail, in the shape of its JSON form. */
export type ErrorDetail =
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.ErrorInfo';
      readonly reason: string;
      readonly domain: string;
      readonly metadata?: Readonly<Record<string, string>>;
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.BadRequest';
      readonly fieldViolations: readonly {
        readonly field?: string;
        readonly description: string;
      }[];
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.PreconditionFailure';
      readonly violations: readonly {
        readonly type: string;
        readonly subject: string;
        readonly description?: string;
      }[];
    }
  | {
      readonly '@type': 'type.googleapis.com/google.rpc.QuotaFailure';
      readonly violations: readonly {
        readonly subject: string;
        readonly description: string;
        readonly apiService?: string;
        readonly quotaMetric?: string;
        readonly quotaId?: string;
        readonly quotaDimensions?: Readonly<Record<string, string>>;
        /** An int64, as JSON writes it. */
        readonly quotaValue?: string;
      }[];
    }
  | { readonly '@type': 'type.googleapis.com/google.rpc.RetryInfo'; readonly retryDelay: string };

export interface RpcErrorOptions {
  readonly details?: readonly ErrorDetail[];
  readonly cause?: unknown;
}

/**
 * The one error that aborts an operation and reaches a client. `reason` is a stable UPPER_SNAKE
 * word for programs, `message` the API's own sentence for people.
 */
export class RpcError extends Error {
  override name = 'RpcError';
  readonly code: Exclude<StatusCode, 'OK'>;
  readonly reason: string;
  readonly details: readonly ErrorDetail[];

  constructor(
    code: Exclude<StatusCode, 'OK'>,
    reason: string,
    message: string,
    options: RpcErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.details = options.details ?? [];
  }

  /** Anything that was thrown, as an RpcError: what is not one becomes INTERNAL, its text hidden. */
  static from(thrown: unknown): RpcError {
    if (thrown instanceof RpcError) return thrown;
    return new RpcError('INTERNAL', 'INTERNAL', 'Internal error encountered.', { cause: thrown });
  }
}
