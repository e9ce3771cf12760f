import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { fastify, type FastifyInstance } from 'fastify';

import { RpcError } from '../../rpc/index.ts';
import type { ServiceFront } from '../../vault/index.ts';
import { budgetMessage, type RequestBudget } from '../request-budget.ts';
import { FrontDoor } from './front-door.ts';
import { HttpHandler, type HttpHandlerOptions } from './http-handler.ts';
import { jsonType } from './http-reply.ts';
import { bodyBytesMax } from './request-body.ts';

export interface HttpServerOptions extends HttpHandlerOptions {
  /** A request's head must have arrived by then. */
  readonly headTimeoutMs: number;
  /** And all of its body by then. */
  readonly requestTimeoutMs: number;
  readonly budget: RequestBudget;
  /** Takes the requests for its own hosts, before anything here looks at them. */
  readonly front?: ServiceFront;
}

/** How often Node looks for requests that overran: at most so much late. */
const timeoutSweepMs = 500;
/** Longer than common proxies keep theirs, so that none is closed under a request. */
const keepAliveTimeoutMs = 75_000;

/** The HTTP/1.1 side: Fastify behind one route, fed with sockets by the listener. */
export class HttpServer {
  readonly #app: FastifyInstance;
  readonly #front: ServiceFront | undefined;

  /** Resolves when it can take connections. */
  static async create(options: HttpServerOptions): Promise<HttpServer> {
    const app = buildApp(options);
    await app.ready();
    // Node starts its sweep for slow requests on 'listening', which a server fed by hand lacks.
    app.server.emit('listening');
    return new HttpServer(app, options.front);
  }

  private constructor(app: FastifyInstance, front: ServiceFront | undefined) {
    this.#app = app;
    this.#front = front;
  }

  /** Node's server, for what shares its connections, such as an upgrade to WebSocket. */
  get server(): Server {
    return this.#app.server;
  }

  accept(socket: Socket): void {
    this.#app.server.emit('connection', socket);
  }

  /** Closes connections that carry no request; the others close after their answer. */
  drain(graceMs: number): void {
    void this.#front?.drain(graceMs);
    this.#app.server.closeIdleConnections();
  }

  async close(): Promise<void> {
    await this.#app.close();
  }
}

function buildApp(options: HttpServerOptions): FastifyInstance {
  const handler = new HttpHandler(options);
  const door = new FrontDoor(options.front);
  const app = fastify({
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    // Fastify's router sees one path; ours sees the real one, still encoded.
    rewriteUrl: () => '/',
    serverFactory: (listener) =>
      createServer(
        {
          headersTimeout: options.headTimeoutMs,
          requestTimeout: options.requestTimeoutMs,
          keepAliveTimeout: keepAliveTimeoutMs,
          connectionsCheckingInterval: timeoutSweepMs,
          shouldUpgradeCallback: (request) => door.mayUpgrade(request),
        },
        (request, response) => {
          if (!door.take(request, response)) listener(request, response);
        },
      ),
    clientErrorHandler: (error, socket) => {
      if (!door.mayTakeLonger(error, socket)) answerBrokenRequest(error, socket);
    },
  });
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const proceed = (isWelcome: boolean): void => {
      if (isWelcome) response.writeContinue();
      app.server.emit('request', request, response);
    };
    if (door.claims(request)) return proceed(false);
    const isWelcome = handler.isWelcome(request);
    if (isWelcome instanceof Promise) void isWelcome.then(proceed);
    else proceed(isWelcome);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => handler.fail(error, request, reply));
  app.setNotFoundHandler((request, reply) => handler.serve(request, reply));
  app.addHook('onRequest', (request, reply, done) => {
    const proceed = (): void => {
      countBody(request.raw, reply.raw, options.budget);
      // A body is JSON whatever it says it is; Fastify would refuse what is no media type at all.
      request.headers['content-type'] = jsonType;
      done();
    };
    const admitted = handler.admit(request, reply);
    if (admitted === undefined) proceed();
    else void admitted.then(proceed, done);
  });
  app.all('/', (request, reply) => handler.serve(request, reply));
  return app;
}

/** Fastify answers an error of the body's stream as it answers any other. */
function countBody(request: IncomingMessage, reply: ServerResponse, budget: RequestBudget): void {
  request.on('error', () => undefined);
  budget.follow(request, reply, () => {
    const error = new RpcError('RESOURCE_EXHAUSTED', 'REQUEST_BYTES_EXHAUSTED', budgetMessage);
    request.emit('error', error);
  });
}

/** A request that Node could not parse or wait for: answered if the socket still takes it. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, phrase] = statusOf(error.code);
  const answer = { error: { code: status, message: `${phrase}.`, status: 'INVALID_ARGUMENT' } };
  const body = `${JSON.stringify(answer, null, 2)}\n`;
  const head = [
    `HTTP/1.1 ${status} ${phrase}`,
    `content-type: ${jsonType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon());
}

function statusOf(code: string | undefined): [status: number, phrase: string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request Timeout'];
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request Header Fields Too Large'];
  return [400, 'Bad Request'];
}
