import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js';

import type { Principal } from '../../iam/index.ts';
import type { CallerClaims } from '../../remote-kms/index.ts';
import type { Access } from '../access/access.ts';
import { believedClaims } from '../access/caller-claims.ts';
import { callerIpOf, forceDestroyHeader, type ApiCall } from '../method.ts';
import type { GrpcContext } from './grpc-context.ts';
import { streamOf } from './stream-reset.ts';
import { callSignal } from './unary-call.ts';

/** What a method may know of a gRPC call; made on demand, as few methods ask. */
export class GrpcCall implements ApiCall {
  readonly principal: Principal;
  readonly #access: Access;
  readonly #call: ServerUnaryCall<Buffer, Uint8Array>;
  readonly #draining: AbortSignal;
  #told: Metadata | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    call: ServerUnaryCall<Buffer, Uint8Array>,
    principal: Principal,
    { access, draining }: Pick<GrpcContext, 'access' | 'draining'>,
  ) {
    this.#call = call;
    this.principal = principal;
    this.#access = access;
    this.#draining = draining;
  }

  get callerIp(): string | undefined {
    return callerIpOf(streamOf(this.#call).session?.socket?.remoteAddress);
  }

  get userAgent(): string | undefined {
    return this.#call.metadata.get('user-agent')[0]?.toString();
  }

  get forceDestroy(): boolean {
    return this.#call.metadata.get(forceDestroyHeader)[0]?.toString() === 'true';
  }

  get callerClaims(): CallerClaims {
    const header = (name: string): string | undefined =>
      this.#call.metadata.get(name)[0]?.toString();
    return believedClaims(this.#access, this.principal, header);
  }

  tell(name: string, value: string): void {
    (this.#told ??= new Metadata()).set(name, value);
  }

  /** What was told leaves, ahead of the answer; once, and only for a call that succeeded. */
  sendTold(): void {
    if (this.#told) this.#call.sendMetadata(this.#told);
  }

  get signal(): AbortSignal {
    return (this.#signal ??= callSignal(this.#call, this.#draining));
  }
}
