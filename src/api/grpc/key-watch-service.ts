import { create, fromBinary } from '@bufbuild/protobuf';
import type { ServerWritableStream } from '@grpc/grpc-js';

import { invalidArgument } from '../../broker/index.ts';
import {
  KeyWatch,
  ProjectNumberSchema,
  ReportUseResponseSchema,
  WatchRequestSchema,
  type VersionUse,
} from '../../proto/sealpost/v1/key_watch_pb.ts';
import type { KeyWatchSource, ReportedUse } from '../key-watch.ts';
import { method, rpcName, type ApiMethod } from '../method.ts';
import type { GrpcContext } from './grpc-context.ts';
import { KeyWatcher } from './key-watcher.ts';

const watchRpc = rpcName(KeyWatch.method.watch);
const topicsMax = 100;

/** sealpost.v1.KeyWatch: tells connected brokers of every change of a key at once. */
export class KeyWatchService {
  readonly #source: KeyWatchSource;
  readonly #context: GrpcContext;

  constructor(source: KeyWatchSource, context: GrpcContext) {
    this.#source = source;
    this.#context = context;
  }

  get unaryMethods(): ApiMethod[] {
    return [
      method(KeyWatch.method.getProjectNumber, async ({ projectId }) => {
        const projectNumber = await this.#source.projectNumber(projectId);
        return create(ProjectNumberSchema, { projectNumber });
      }),
      method(KeyWatch.method.reportUse, async ({ watcherId, uses }) => {
        this.#source.reportUse(watcherId, uses.map(reportedUse));
        return create(ReportUseResponseSchema);
      }),
    ];
  }

  watch(call: ServerWritableStream<Buffer, Uint8Array>): void {
    const watcher = new KeyWatcher(call, watchRpc, this.#context);
    watcher.start((listener) => this.#source.watch(watcherIdOf(call.request), listener));
  }
}

function watcherIdOf(bytes: Buffer): string {
  try {
    return fromBinary(WatchRequestSchema, bytes).watcherId;
  } catch {
    throw invalidArgument('not a valid serialised WatchRequest');
  }
}

function reportedUse({ name, dekCount, messageCount, byteCount, topics }: VersionUse): ReportedUse {
  return {
    name,
    dekCount: Number(dekCount),
    messageCount: Number(messageCount),
    byteCount: Number(byteCount),
    topics: topics.slice(0, topicsMax),
  };
}
