import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
  Settings,
} from 'node:http2';
import type { Socket } from 'node:net';

import type { DescMethod, DescService } from '@bufbuild/protobuf';
import {
  Server,
  ServerCredentials,
  type handleUnaryCall,
  type ServerOptions,
  type ServerWritableStream,
} from '@grpc/grpc-js';

import { assert, type Clock } from '../../runtime/index.ts';
import { IAMPolicy } from '../../proto/google/iam/v1/iam_policy_pb.ts';
import { Subscriber } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { Health } from '../../proto/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../proto/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../proto/grpc/reflection/v1alpha/reflection_pb.ts';
import { KeyWatch } from '../../proto/sealpost/v1/key_watch_pb.ts';
import { authorizedMethods } from '../access/authorized.ts';
import { rpcName, type ApiMethod } from '../method.ts';
import { unsupportedMethod } from '../unsupported.ts';
import type { RequestBudget } from '../request-budget.ts';
import { boundCallTimeout } from './call-timeout.ts';
import { countInflated } from './decompression.ts';
import type { GrpcContext } from './grpc-context.ts';
import { HealthService } from './health-service.ts';
import { KeyWatchService } from './key-watch-service.ts';
import { hotMethods, messageMethod } from './pubsub-handlers.ts';
import { keepAlive } from './session-ping.ts';
import { ReflectionService } from './reflection-service.ts';
import { RequestWatch } from './request-watch.ts';
import { StreamingPull, type StreamingPullCall } from './streaming/index.ts';
import { unaryHandler, type UnaryMethod } from './unary-call.ts';

/** Bytes of one request message, decompressed: the largest publish, and room to refuse it well. */
const requestBytesMax = 20 * 1024 * 1024;
const streamWindowBytes = 4 * 1024 * 1024;
const sessionWindowBytes = 16 * 1024 * 1024;

/** Calls of one connection at a time; HTTP/2 lets clients queue what is more. */
const concurrentStreamsMax = 1_000;
const keepAliveTimes = { quietMs: 60_000, answerMs: 20_000 };

const options: ServerOptions = {
  'grpc.max_concurrent_streams': concurrentStreamsMax,
  'grpc.max_receive_message_length': requestBytesMax,
  'grpc.max_send_message_length': -1,
  // Channelz counts every message of every stream for a page that nobody opens.
  'grpc.enable_channelz': 0,
};

/** Services that answer UNIMPLEMENTED by the method's name, even if nothing of them is served. */
const refusedServices: readonly DescService[] = [IAMPolicy];

/** The HTTP/2 side: grpc-js, fed with sockets by the listener. */
export class GrpcServer {
  readonly #server: Server;
  readonly #injector: ReturnType<Server['createConnectionInjector']>;

  readonly #streamingPaths: Set<string> = new Set();
  readonly #rpcs: Set<string> = new Set();

  /** A unary request must have arrived whole within `requestTimeoutMs`. */
  constructor(
    methods: readonly ApiMethod[],
    context: GrpcContext,
    limits: { readonly requestTimeoutMs: number; readonly budget: RequestBudget },
  ) {
    this.#server = new Server(options);
    widenWindows(this.#server);
    this.#register(methods, context);
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    const http2Server = http2ServerOf(this.#server);
    prepareSessions(http2Server, context.clock);
    const { clock } = context;
    const watch = new RequestWatch({ ...limits, clock, streamingPaths: this.#streamingPaths });
    takeStreams(http2Server, (stream, headers) => {
      watch.watch(stream, headers);
      const isStreaming = this.#streamingPaths.has(String(headers[':path']));
      countInflated(stream, { budget: limits.budget, isStreaming });
    });
  }

  accept(socket: Socket): void {
    // The listener's sockets may be half open, of which an HTTP/2 session takes no notice.
    socket.once('end', () => socket.destroySoon());
    this.#injector.injectConnection(socket);
  }

  /** Full names of all methods that are answered, those that are not built too. */
  get rpcs(): ReadonlySet<string> {
    return this.#rpcs;
  }

  /** Sends GOAWAY NO_ERROR, lets calls finish for so long, then cancels them. */
  drain(graceMs: number): void {
    this.#injector.drain(graceMs);
  }

  close(): void {
    this.#injector.destroy();
    this.#server.forceShutdown();
  }

  #register(given: readonly ApiMethod[], context: GrpcContext): void {
    const { access, keyWatch: source } = context;
    const keyWatch = source && new KeyWatchService(source, context);
    const methods = [...given, ...authorizedMethods(keyWatch?.unaryMethods ?? [], { access })];
    const own = [Health, ServerReflection, ServerReflectionAlpha];
    const served = [...servicesOf(methods), ...own];
    const health = new HealthService(
      context,
      served.map(({ typeName }) => typeName),
    );
    const unary = [...methods, ...health.unaryMethods];
    const byName = new Map(unary.map((each) => [rpcName(each.desc), messageMethod(each, context)]));
    for (const [rpc, method] of hotMethods(context)) byName.set(rpc, method);
    for (const service of new Set([...servicesOf(unary), ...refusedServices])) {
      for (const desc of service.methods) {
        if (desc.methodKind !== 'unary') continue;
        const rpc = rpcName(desc);
        this.#registerUnary(pathOf(desc), rpc, byName.get(rpc) ?? refusal(rpc), context);
      }
    }
    this.#registerStream(Subscriber.method.streamingPull, (call) =>
      StreamingPull.accept(call, context),
    );
    this.#registerWatch(Health.method.watch, (call) => health.watch(call));
    if (keyWatch) this.#registerWatch(KeyWatch.method.watch, (call) => keyWatch.watch(call));
    const reflection = new ReflectionService(context, served);
    for (const { method } of [ServerReflection, ServerReflectionAlpha]) {
      const desc = method.serverReflectionInfo;
      this.#registerStream(desc, (call) => reflection.accept(call, rpcName(desc)));
    }
  }

  #registerUnary(path: string, rpc: string, method: UnaryMethod, context: GrpcContext): void {
    const handler: handleUnaryCall<Buffer, Uint8Array> = unaryHandler(rpc, context, method);
    this.#rpcs.add(rpc);
    this.#server.register(path, handler, asBuffer, asIs, 'unary');
  }

  #registerWatch(desc: DescMethod, watch: (call: WatchCall) => void): void {
    this.#rpcs.add(rpcName(desc));
    this.#server.register(pathOf(desc), watch, asBuffer, asIs, 'serverStream');
  }

  #registerStream(desc: DescMethod, accept: (call: StreamingPullCall) => void): void {
    const path = pathOf(desc);
    this.#rpcs.add(rpcName(desc));
    this.#streamingPaths.add(path);
    this.#server.register(path, accept, asBuffer, asIs, 'bidi');
  }
}

const pathOf = (desc: DescMethod): string => `/${desc.parent.typeName}/${desc.name}`;

/** Services of which at least one method does something. */
function servicesOf(methods: readonly ApiMethod[]): DescService[] {
  return [...new Set(methods.map(({ desc }) => desc.parent))];
}

type WatchCall = ServerWritableStream<Buffer, Uint8Array>;

const asIs = (bytes: Buffer): Buffer => bytes;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const refusal =
  (rpc: string): UnaryMethod =>
  async () => {
    throw unsupportedMethod(rpc);
  };

/** What grpc-js keeps to itself: it has no option for a server's flow control windows. */
interface ServerInternals {
  readonly commonServerOptions: { settings?: Settings };
  readonly http2Servers: ReadonlyMap<Http2Server, unknown>;
}

/** Uploads of megabytes crawl in HTTP/2's 64 KiB windows as soon as the network has a delay. */
function widenWindows(server: Server): void {
  const { commonServerOptions } = server as unknown as ServerInternals;
  assert(typeof commonServerOptions === 'object', 'grpc-js keeps its HTTP/2 options elsewhere');
  const { settings } = commonServerOptions;
  commonServerOptions.settings = { ...settings, initialWindowSize: streamWindowBytes };
}

function http2ServerOf(server: Server): Http2Server {
  const [http2Server] = (server as unknown as ServerInternals).http2Servers.keys();
  assert(http2Server !== undefined, 'grpc-js keeps its HTTP/2 server elsewhere');
  return http2Server;
}

function prepareSessions(http2Server: Http2Server, clock: Clock): void {
  http2Server.on('session', (session: ServerHttp2Session) => {
    session.setLocalWindowSize(sessionWindowBytes);
    keepAlive(session, clock, keepAliveTimes);
    // A connection that breaks is the client's business; its calls are cancelled by grpc-js.
    session.on('error', () => undefined);
  });
}

/**
 * Watches each stream's request, and keeps streams from grpc-js that the client has reset before
 * anyone saw them: where it refuses one (no gRPC content type, no such method) it answers without
 * looking, which throws and would end the process.
 */
function takeStreams(http2Server: Http2Server, watch: StreamHandler): void {
  const handlers = http2Server.listeners('stream') as StreamHandler[];
  assert(handlers.length > 0, 'grpc-js takes its streams elsewhere');
  http2Server.removeAllListeners('stream');
  http2Server.on('stream', (stream, headers, _flags, rawHeaders) => {
    stream.on('error', () => undefined);
    if (stream.destroyed || stream.closed) return;
    boundCallTimeout(headers);
    keepRepeated(headers, rawHeaders);
    watch(stream, headers);
    for (const handle of handlers) handle.call(http2Server, stream, headers);
  });
}

/** Node keeps the first of several; a caller who says two things must be seen to. */
function keepRepeated(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  const values = rawHeaders.filter(
    (_, at) => rawHeaders[at - 1] === 'authorization' && at % 2 === 1,
  );
  if (values.length > 1) (headers as Record<string, unknown>)['authorization'] = values;
}

type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
