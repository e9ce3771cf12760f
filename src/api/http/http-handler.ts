import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import type { FastifyReply, FastifyRequest } from 'fastify';

import { RpcError, statusTable, type StatusCode } from '../../rpc/index.ts';
import { resetConnection, type Clock, type Logger } from '../../runtime/index.ts';
import { operator, type Principal } from '../../iam/index.ts';
import type { Access } from '../access/access.ts';
import { httpCredentials } from '../access/http-credentials.ts';
import { nobody } from '../access/nobody.ts';
import { watchUntaken } from '../access/watched-pull.ts';
import { domainOf, toWireError } from '../error-mapping.ts';
import type { CallObserver } from '../observer.ts';
import type { Posture } from '../posture.ts';
import { type Route, TextReply } from '../route.ts';
import { peekRpc } from '../sealpost/backlog-routes.ts';
import type { UnsentAnswers } from '../unsent-answers.ts';
import { ClientModules, type ClientModule } from './client-modules.ts';
import { crossOriginHeaders, optionsHeaders } from './cross-origin.ts';
import { Exchange } from './exchange.ts';
import { HttpCall } from './http-call.ts';
import {
  htmlType,
  javaScriptType,
  jsonType,
  notFoundPage,
  printError,
  printReply,
} from './http-reply.ts';
import { answerProbe, metricsPath, type Probes } from './probes.ts';
import { decodeBody, payloadTooLarge } from './request-body.ts';
import { RouteTable } from './route-table.ts';

export interface HttpHandlerOptions {
  readonly routes: readonly Route[];
  readonly posture: Posture;
  readonly access: Access;
  readonly probes: Probes;
  readonly observe: CallObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly unsent: UnsentAnswers;
  /** Aborts when the server drains. */
  readonly draining: AbortSignal;
}

/** Methods whose answers hold opened messages, and the variable that names their subscription. */
const openedAnswers: ReadonlyMap<string, string> = new Map([
  ['google.pubsub.v1.Subscriber.Pull', 'subscription'],
  [peekRpc, 'name'],
]);
const metricsRpc = 'sealpost.v1.Server.GetMetrics';
const noBody = new Uint8Array(0);

/** What happens between a request and its answer, in the order of its methods. */
export class HttpHandler {
  readonly #options: HttpHandlerOptions;
  readonly #routes: RouteTable;
  readonly #modules: ClientModules = new ClientModules();
  readonly #exchanges: WeakMap<IncomingMessage, Exchange> = new WeakMap();

  constructor(options: HttpHandlerOptions) {
    this.#options = options;
    this.#routes = new RouteTable(options.routes);
  }

  /** True if `admit` will let it in: a client that asks may send its body. */
  isWelcome(request: IncomingMessage): boolean | Promise<boolean> {
    try {
      this.#check(request.headers);
      const exchange = new Exchange(request, 0);
      this.#route(exchange);
      const caller = this.#callerOf(exchange, request);
      if (!(caller instanceof Promise)) return true;
      return caller.then(
        () => true,
        () => false,
      );
    } catch {
      return false;
    }
  }

  /**
   * Before any of the body is read: refuses strangers, and finds the route. Undefined: it was done
   * at once, as nobody had to be waited for.
   */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    const exchange = new Exchange(request.raw, this.#options.clock.monotonicMs());
    this.#exchanges.set(request.raw, exchange);
    const { host, origin, 'sec-fetch-site': site } = request.headers;
    const { posture } = this.#options;
    const isModule = exchange.method === 'GET' && this.#modules.has(exchange.path);
    if (isModule) posture.checkModule(host, origin, site);
    else posture.check(host, origin, site);
    if (origin !== undefined && (isModule || posture.isAllowedOrigin(origin))) {
      reply.headers(crossOriginHeaders(origin));
    }
    if (this.#options.draining.aborted) reply.header('connection', 'close');
    this.#route(exchange);
    const caller = this.#callerOf(exchange, request.raw);
    if (caller instanceof Promise) {
      return caller.then((principal) => void (exchange.principal = principal));
    }
    exchange.principal = caller;
    return undefined;
  }

  /** Answers a request that was let in and whose body has arrived. */
  async serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const exchange = this.#exchangeOf(request);
    if (request.method === 'OPTIONS') return this.#serveOptions(request, reply);
    const { match } = exchange;
    if (match === undefined) return this.#serveUnrouted(exchange, request, reply);
    const raw = request.body instanceof Uint8Array ? request.body : noBody;
    const body = await decodeBody(raw, request.headers['content-encoding']);
    const { access, draining, posture } = this.#options;
    const { principal, query, contentType } = exchange;
    const isCrossOrigin = posture.isCrossOrigin(request.headers.origin, request.headers.host);
    const response = reply.raw;
    const sent = { match, principal, access, query, body, contentType, isCrossOrigin };
    const call = new HttpCall({ ...sent, response, draining });
    const source = openedAnswers.get(exchange.rpc);
    if (source !== undefined) this.#watchAnswer(call, source, reply.raw);
    const answer = await match.route.handle(call);
    const { contentType: type, bytes } = printReply(answer, exchange.isPretty);
    this.#observe(exchange, 'OK');
    const { cacheControl } = match.route;
    if (cacheControl !== undefined) reply.header('cache-control', cacheControl);
    if (answer instanceof TextReply) reply.code(answer.status);
    return reply.header('content-type', type).send(bytes);
  }

  /** Answers whatever was thrown on the way, by us or by Fastify. */
  fail(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const exchange = this.#exchangeOf(request);
    const error = toWireError(asRpcError(thrown), domainOf(exchange.rpc));
    if (error.code === 'INTERNAL') {
      this.#options.log.error({ err: thrown, rpc: exchange.rpc }, 'request failed');
    }
    this.#observe(exchange, error.code);
    if (error.code === 'UNAUTHENTICATED') {
      reply.header('www-authenticate', challenge(request.headers.authorization));
    }
    void reply
      .code(statusTable[error.code].http)
      .header('content-type', jsonType)
      .send(printError(error, exchange.isPretty));
  }

  /** Opened messages, until all were handed to the system. An answer not begun is let be. */
  #watchAnswer({ principal, params }: HttpCall, source: string, response: ServerResponse): void {
    const { access, clock, unsent } = this.#options;
    const { socket } = response.req;
    const cut = (): void => {
      // A reset also drops what the system holds for the client.
      if (response.headersSent) resetConnection(socket);
    };
    const subscription = params[source] ?? '';
    response.once('close', unsent.add(subscription, cut));
    response.once('close', watchUntaken(access, { principal, subscription }, clock, cut));
  }

  #route(exchange: Exchange): void {
    const { method, path } = exchange;
    if (method !== undefined) exchange.match = this.#routes.match(method, path);
  }

  /**
   * Who calls; nobody where he is not asked: at probes, at the client's modules, at public routes,
   * and by OPTIONS, which says what browsers may send.
   */
  #callerOf(exchange: Exchange, request: IncomingMessage): Principal | Promise<Principal> {
    const { access } = this.#options;
    if (!access.isRequired) return operator;
    const { match, path, apiKeys } = exchange;
    const isOpen =
      match === undefined
        ? path !== metricsPath || request.method === 'OPTIONS'
        : access.isPublic(match.route.rpc);
    return isOpen ? nobody : access.authenticate(httpCredentials(request, apiKeys));
  }

  #check(headers: IncomingHttpHeaders): void {
    const { host, origin, 'sec-fetch-site': site } = headers;
    this.#options.posture.check(host, origin, site);
  }

  #serveOptions(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { origin } = request.headers;
    const isAllowed = origin !== undefined && this.#options.posture.isAllowedOrigin(origin);
    const wanted = request.headers['access-control-request-headers'];
    return reply
      .code(204)
      .headers(optionsHeaders(isAllowed ? origin : undefined, wanted))
      .send();
  }

  async #serveUnrouted(
    { method, path, principal }: Exchange,
    { headers }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { probes } = this.#options;
    const isGet = method === 'GET';
    const module = isGet ? this.#modules.find(path) : undefined;
    if (module !== undefined) return this.#serveModule(module, headers, reply);
    if (isGet && path === metricsPath) {
      this.#options.access.require(principal, metricsRpc, () => '');
    }
    const probe = isGet ? await answerProbe(path, headers.accept, probes) : undefined;
    if (probe === undefined) {
      return reply.code(404).header('content-type', htmlType).send(notFoundPage(path));
    }
    return reply
      .code(probe.status)
      .headers({ 'content-type': probe.contentType, ...probe.headers })
      .send(probe.body);
  }

  #serveModule(
    { body, etag }: ClientModule,
    headers: IncomingHttpHeaders,
    reply: FastifyReply,
  ): FastifyReply {
    // A browser asks each time whether it has the one that fits this server.
    reply.headers({ etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    if (headers['if-none-match']?.includes(etag) === true) return reply.code(304).send();
    return reply.header('content-type', javaScriptType).send(body);
  }

  #exchangeOf(request: FastifyRequest): Exchange {
    return this.#exchanges.get(request.raw) ?? new Exchange(request.raw, 0);
  }

  #observe(exchange: Exchange, code: StatusCode): void {
    const { clock, observe } = this.#options;
    if (exchange.match !== undefined) {
      observe(exchange.rpc, code, clock.monotonicMs() - exchange.startedMs);
    }
  }
}

/** RFC 6750, 3: what to call with; and, for who did, that it was no good. */
const challenge = (authorization: string | undefined): string =>
  `Bearer realm="sealpost"${authorization === undefined ? '' : ', error="invalid_token"'}`;

/** Fastify's own refusals in our words; anything else as it is. */
function asRpcError(thrown: unknown): unknown {
  if (thrown instanceof RpcError) return thrown;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return payloadTooLarge();
  // A client that leaves in the middle of its body is no failure of ours, and no line in the log.
  if (code === 'ECONNRESET') {
    return new RpcError('CANCELLED', 'CLIENT_GONE', 'The client went away.');
  }
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (!isRefusal || typeof code !== 'string' || !code.startsWith('FST_')) return thrown;
  return new RpcError('INVALID_ARGUMENT', 'INVALID_REQUEST', 'Request could not be read.');
}
