import { create, toBinary } from '@bufbuild/protobuf';
import type { ServerWritableStream } from '@grpc/grpc-js';

import type { KeyChange } from '../../kms/index.ts';
import { KeyChanged_Kind as Kind, KeyChangedSchema } from '../../proto/sealpost/v1/key_watch_pb.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Cancel } from '../../runtime/index.ts';
import type { GrpcContext } from './grpc-context.ts';
import { StreamCall } from './stream-call.ts';

/** Of a stream on which nothing else was said (KeyChanged.HEARTBEAT). */
export const heartbeatMs = 10_000;

/** Changes that wait for a client which takes them slowly. */
export const waitingChangesMax = 1_000;

const kinds: Readonly<Record<KeyChange['kind'], Kind>> = {
  versionState: Kind.VERSION_STATE,
  primary: Kind.PRIMARY,
  iam: Kind.IAM,
  resync: Kind.RESYNC,
};

/** One Watch: RESYNC first, then each change in its order, and a heartbeat in between. */
export class KeyWatcher {
  readonly #call: ServerWritableStream<Buffer, Uint8Array>;
  readonly #stream: StreamCall;
  readonly #context: GrpcContext;
  /** Serialised; each once, as a change says only that the key is to be asked about again. */
  readonly #waiting: Map<string, Uint8Array> = new Map();
  #isStalled = false;
  #stop: (() => void) | undefined;
  #cancelHeartbeat: Cancel | undefined;

  constructor(call: ServerWritableStream<Buffer, Uint8Array>, rpc: string, context: GrpcContext) {
    this.#call = call;
    this.#context = context;
    this.#stream = new StreamCall(call, rpc, context, () => {
      this.#stop?.();
      this.#cancelHeartbeat?.();
      this.#waiting.clear();
    });
  }

  /** Runs `watch`, which tells of a resync first, once the caller was let in. */
  start(watch: (listener: (change: KeyChange) => void) => () => void): void {
    this.#stream.begin(() => {
      this.#call.on('drain', () => this.#resume());
      this.#stop = watch(({ kind, resource }) => this.#tell(kinds[kind], resource));
      this.#beat();
    });
  }

  #tell(kind: Kind, resource: string): void {
    if (this.#stream.isOver) return;
    const bytes = toBinary(KeyChangedSchema, create(KeyChangedSchema, { kind, resource }));
    if (!this.#isStalled) {
      this.#isStalled = !this.#stream.send(bytes);
      return;
    }
    this.#waiting.set(`${kind} ${resource}`, bytes);
    if (this.#waiting.size > waitingChangesMax) this.#stream.fail(tooSlow());
  }

  #resume(): void {
    this.#isStalled = false;
    for (const [key, bytes] of this.#waiting) {
      this.#waiting.delete(key);
      this.#isStalled = !this.#stream.send(bytes);
      if (this.#isStalled) return;
    }
  }

  /** A client that is behind has something to read: it needs no sign of life. */
  #beat(): void {
    const { clock } = this.#context;
    this.#cancelHeartbeat = clock.schedule(clock.monotonicMs() + heartbeatMs, () => {
      if (!this.#isStalled) this.#tell(Kind.HEARTBEAT, '');
      if (!this.#stream.isOver) this.#beat();
    });
  }
}

function tooSlow(): RpcError {
  return new RpcError(
    'RESOURCE_EXHAUSTED',
    'WATCHER_TOO_SLOW',
    `More than ${waitingChangesMax} changes wait for this watcher: watch anew.`,
  );
}
