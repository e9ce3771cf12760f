import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ServerWritableStream } from '@grpc/grpc-js';

import { invalidArgument } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Cancel } from '../../runtime/index.ts';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from '../../proto/grpc/health/v1/health_pb.ts';
import { method, type ApiMethod } from '../method.ts';
import type { GrpcContext } from './grpc-context.ts';
import { StreamCall } from './stream-call.ts';

/** How soon after a change a watcher is told, at the latest; a drain is told at once. */
const lookMs = 1_000;

const watchRpc = 'grpc.health.v1.Health.Watch';

/** grpc.health.v1: says what /readyz says, for the server (the empty name) and each service. */
export class HealthService {
  readonly #context: GrpcContext;
  readonly #names: ReadonlySet<string>;

  /** `services`: full names of those that are served. */
  constructor(context: GrpcContext, services: readonly string[]) {
    this.#context = context;
    this.#names = new Set(['', ...services]);
  }

  get unaryMethods(): ApiMethod[] {
    return [
      method(Health.method.check, async ({ service }) => {
        const status = this.#statusOf(service);
        if (status === Status.SERVICE_UNKNOWN) throw unknownService(service);
        return create(HealthCheckResponseSchema, { status });
      }),
      method(Health.method.list, async () => {
        const status = this.#statusOf('');
        const statuses = [...this.#names].map((name) => [name, { status }] as const);
        return create(HealthListResponseSchema, { statuses: Object.fromEntries(statuses) });
      }),
    ];
  }

  watch(call: ServerWritableStream<Buffer, Uint8Array>): void {
    const { clock, draining } = this.#context;
    let cancel: Cancel | undefined;
    let told: Status | undefined;
    const onDrain = (): void => tell();
    // Before the call's own listener, which ends it: the last word is NOT_SERVING.
    draining.addEventListener('abort', onDrain, { once: true });
    const stream = new StreamCall(call, watchRpc, this.#context, () => {
      cancel?.();
      draining.removeEventListener('abort', onDrain);
    });
    let service = '';
    const tell = (): void => {
      const status = this.#statusOf(service);
      if (status !== told) {
        const response = create(HealthCheckResponseSchema, { status });
        stream.send(toBinary(HealthCheckResponseSchema, response));
      }
      told = status;
      cancel?.();
      if (!stream.isOver) cancel = clock.schedule(clock.monotonicMs() + lookMs, tell);
    };
    stream.beginPublic(() => {
      ({ service } = readRequest(call.request));
      tell();
    });
  }

  #statusOf(service: string): Status {
    if (!this.#names.has(service)) return Status.SERVICE_UNKNOWN;
    return this.#context.ready() ? Status.SERVING : Status.NOT_SERVING;
  }
}

function readRequest(bytes: Buffer): { readonly service: string } {
  try {
    return fromBinary(HealthCheckRequestSchema, bytes);
  } catch {
    throw invalidArgument('not a valid serialised HealthCheckRequest');
  }
}

const unknownService = (service: string): RpcError =>
  new RpcError(
    'NOT_FOUND',
    'SERVICE_NOT_FOUND',
    `The service ${service.slice(0, 200)} is not served here.`,
  );
