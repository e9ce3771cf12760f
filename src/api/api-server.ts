import type { Socket } from 'node:net';

import type { BrokerService } from '../broker/index.ts';
import type { BrowserTokens } from '../identity/index.ts';
import type { Clock, Entropy, Logger } from '../runtime/index.ts';
import type { ServiceFront } from '../vault/index.ts';
import { Access, type AccessParts } from './access/access.ts';
import { openAccess } from './access/open-access.ts';
import type { PubsubAudit } from './audit/pubsub-audit.ts';
import { GrpcServer } from './grpc/grpc-server.ts';
import { HttpServer } from './http/http-server.ts';
import type { Probes } from './http/probes.ts';
import { RouteDispatcher, type OwnRequest } from './http/route-dispatcher.ts';
import type { JsonValue } from './json.ts';
import type { KeyWatchSource } from './key-watch.ts';
import { Listener } from './listener/listener.ts';
import type { TlsFiles } from './listener/tls-files.ts';
import { TlsTerminator } from './listener/tls-terminator.ts';
import type { ApiMethod } from './method.ts';
import type { CallObserver } from './observer.ts';
import { Posture } from './posture.ts';
import { RefusedOrigins } from './refused-origins.ts';
import { RequestBudget } from './request-budget.ts';
import type { Route } from './route.ts';
import { servedMethods, type ServedMethod } from './served-methods.ts';
import { UnsentAnswers } from './unsent-answers.ts';
import { type GateOptions, WebSocketGate } from './websocket/gate.ts';
import type { WebSocketObserver } from './websocket/observer.ts';

/** Times and counts that bound what strangers can make us hold. */
export interface ApiLimits {
  readonly connectionsMax: number;
  /** For the first bytes of a connection, and for a request's head. */
  readonly headTimeoutMs: number;
  /** For a whole request, its body included, except a stream's. */
  readonly requestTimeoutMs: number;
  /** Bytes of requests' bodies held at a time, of all connections, streams' apart. */
  readonly requestBytesMax: number;
  /** WebSocket sessions, those that wait for their client included. */
  readonly sessionsMax: number;
}

export const defaultApiLimits: ApiLimits = {
  connectionsMax: 12_000,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  requestBytesMax: 256 * 1024 * 1024,
  sessionsMax: 10_000,
};

export interface ApiOptions extends Probes {
  /** Port 0: the system chooses. The first host must be there, the others may be missing. */
  readonly listen: { readonly hosts: readonly string[]; readonly port: number };
  readonly publicHosts: readonly string[];
  readonly allowOrigins: readonly string[];
  readonly browserOrigins: readonly string[];
  /** Whether WebSocket frames may be compressed. */
  readonly webSocketCompression: boolean;
  readonly browserTokens: BrowserTokens;
  /** Who finds out who calls, and decides what he may; absent: everyone is the operator. */
  readonly access?: AccessParts;
  /** The files of TLS, which the port then speaks alone. */
  readonly tls?: TlsFiles;
  /** Told of the end of the certificate in use: ms since the Unix epoch. */
  readonly onCertificate?: (expiresAtMs: number) => void;
  readonly broker: BrokerService;
  /** Administrative calls a minute in one project; absent or 0: no limit. */
  readonly administratorQuota?: number;
  /** Where Pub/Sub's administration is recorded; absent: nowhere. */
  readonly audit?: PubsubAudit;
  /** Unary methods of other services on the same port, over gRPC and REST. */
  readonly methods?: readonly ApiMethod[];
  /** What sealpost.v1.KeyWatch tells; absent: it is not served. */
  readonly keyWatch?: KeyWatchSource;
  /** REST routes of other services, beside those of `methods`. */
  readonly routes: readonly Route[];
  readonly observer: CallObserver;
  readonly webSocketObserver: WebSocketObserver;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly limits?: Partial<ApiLimits>;
  /** The way in to services, on hosts of their own; absent: there is none. */
  readonly front?: ServiceFront;
}

/** The running port. */
export interface ApiServer {
  /** Everything that is answered, what is not built too. */
  readonly served: readonly ServedMethod[];
  readonly port: number;
  /** `http://127.0.0.1:8085`, of the first host; `https` where it speaks TLS. */
  readonly url: string;
  readonly connectionCount: number;
  /** Makes a REST request of the process itself, as its operator: whoever may call it is trusted. */
  ask(request: OwnRequest): Promise<JsonValue>;
  /** Reads the files of TLS again; what cannot be used is logged, and the former stay in use. */
  reloadTls(): void;
  /**
   * Takes no more connections, ends streams and waits with UNAVAILABLE, lets calls in flight finish
   * for up to `graceMs`, then closes what is left. Resolves when every connection is closed.
   */
  drain(graceMs: number): Promise<void>;
}

/** Starts REST, gRPC and WebSocket on one port; resolves when it accepts connections. */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const { broker, clock, entropy, log, observer: observe } = options;
  const limits = { ...defaultApiLimits, ...options.limits };
  const drainController = new AbortController();
  const draining = drainController.signal;
  const refused = new RefusedOrigins(log);
  const tls = openTls(options, limits.headTimeoutMs);
  const posture = new Posture({
    ...options,
    scheme: tls === undefined ? 'http' : 'https',
    onOriginRefused: (origin) => refused.add(origin),
  });
  const access = new Access(options.access ?? openAccess, clock);
  const { methods, routes } = servedMethods(options, access);
  const unsent = new UnsentAnswers(clock);
  const ignoreRevoked = broker.onRevoked((subscription) => unsent.revoke(subscription));
  const ready = (): boolean => !draining.aborted && options.ready();
  const { keyWatch, front } = options;
  const context = {
    keyWatch,
    broker,
    posture,
    access,
    observe,
    clock,
    entropy,
    log,
    draining,
    unsent,
    ready,
  };
  const budget = new RequestBudget(limits.requestBytesMax);
  const { requestTimeoutMs } = limits;
  const grpc = new GrpcServer(methods, context, { requestTimeoutMs, budget });
  const served = [
    ...routes.map(({ rpc, method, template }) => ({ rpc, method, template })),
    ...[...grpc.rpcs].map((rpc) => ({ rpc })),
  ];
  const probes = { ready, metrics: options.metrics };
  const surroundings = { posture, access, probes, observe, clock, log, draining, unsent };
  const http = await HttpServer.create({
    ...surroundings,
    ...limits,
    routes,
    budget,
    ...(front && { front }),
  });
  upgradeAt(http, options, { ...context, budget, sessionsMax: limits.sessionsMax });
  const listener = await Listener.open({
    ...options.listen,
    firstBytesTimeoutMs: limits.headTimeoutMs,
    connectionsMax: limits.connectionsMax,
    tls,
    clock,
    log,
    accept: (socket, protocol) =>
      protocol === 'http2' ? grpc.accept(socket) : http.accept(socket),
  });
  const stop = (): void => {
    ignoreRevoked();
    access.close();
  };
  const own = new RouteDispatcher(routes, draining);
  const parts = { served, listener, tls, http, grpc, own, clock };
  return new RunningApi({ ...parts, draining: drainController, stop });
}

/** WebSocket, on the connections of HTTP; a service's own upgrades are its front's. */
function upgradeAt(
  { server }: HttpServer,
  options: ApiOptions,
  surroundings: Omit<GateOptions, 'tokens' | 'observer' | 'compression'>,
): void {
  const { front } = options;
  const gate = new WebSocketGate({
    ...surroundings,
    tokens: options.browserTokens,
    observer: options.webSocketObserver,
    compression: options.webSocketCompression,
  });
  server.on('upgrade', (request, socket, head) => {
    if (front?.claims(request.headers.host) === true) front.upgrade(request, socket, head);
    else gate.upgrade(request, socket as Socket, head);
  });
}

/** Absent where the port speaks in the clear. */
function openTls(
  { tls: files, clock, log, onCertificate }: ApiOptions,
  handshakeTimeoutMs: number,
): TlsTerminator | undefined {
  if (files === undefined) return undefined;
  const told = onCertificate === undefined ? {} : { onCertificate };
  return new TlsTerminator({ files, handshakeTimeoutMs, clock, log, ...told });
}

interface RunningParts {
  readonly served: readonly ServedMethod[];
  readonly listener: Listener;
  readonly tls: TlsTerminator | undefined;
  readonly http: HttpServer;
  readonly grpc: GrpcServer;
  readonly own: RouteDispatcher;
  readonly clock: Clock;
  readonly draining: AbortController;
  /** Called once all is closed. */
  readonly stop: () => void;
}

class RunningApi implements ApiServer {
  readonly port: number;
  readonly url: string;
  readonly #parts: RunningParts;
  #drained: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    const { hosts, port } = parts.listener;
    this.#parts = parts;
    this.port = port;
    const host = hosts[0] ?? '127.0.0.1';
    const scheme = parts.tls === undefined ? 'http' : 'https';
    this.url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get served(): readonly ServedMethod[] {
    return this.#parts.served;
  }

  get connectionCount(): number {
    return this.#parts.listener.connectionCount;
  }

  ask(request: OwnRequest): Promise<JsonValue> {
    return this.#parts.own.call(request);
  }

  reloadTls(): void {
    this.#parts.tls?.reload();
  }

  drain(graceMs: number): Promise<void> {
    return (this.#drained ??= this.#drain(graceMs));
  }

  async #drain(graceMs: number): Promise<void> {
    const { listener, tls, http, grpc, clock, draining, stop } = this.#parts;
    listener.stopAccepting();
    draining.abort();
    grpc.drain(graceMs);
    http.drain(graceMs);
    const cancelTimer = clock.schedule(clock.monotonicMs() + graceMs, () => listener.destroyAll());
    await listener.whenEmpty();
    cancelTimer();
    tls?.close();
    stop();
    grpc.close();
    await http.close();
  }
}
