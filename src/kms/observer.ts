import type { StatusCode } from '../rpc/index.ts';

/** One call of the key service that has ended. */
export interface KmsCall {
  /** The RPC's short name, as in Cloud KMS audit logs: `Encrypt`, `SetIamPolicy`. */
  readonly operation: string;
  readonly code: StatusCode;
  readonly ms: number;
}

/** Told of each call as it ends. Must not throw, and must return at once. */
export interface KmsObserver {
  call(call: KmsCall): void;
}

export const noKmsObserver: KmsObserver = { call: () => undefined };
