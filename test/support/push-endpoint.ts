import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** A request of push as it arrived, and the means to answer it. */
export interface PushedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turns, as they were written. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly socket: Socket;
  readonly response: ServerResponse;
  /** The connection was lost before it was answered. */
  isLost: boolean;
}

/** What a wrapped body holds. */
export interface WrappedBody {
  readonly message: {
    readonly data?: string;
    readonly messageId: string;
    readonly publishTime: string;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly orderingKey?: string;
  };
  readonly subscription: string;
}

/** A real push endpoint on loopback, over HTTP or HTTPS. */
export class PushEndpoint {
  readonly requests: PushedRequest[] = [];
  /** What the wrapped messages said, each text once. */
  readonly texts: Set<string> = new Set();
  /** Answers a request; by default with 204. Doing nothing leaves it open. */
  respond: (request: PushedRequest, index: number) => void = ({ response }) =>
    answer(response, 204);
  readonly #tls: { readonly key: string; readonly cert: string } | null;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  #waiting: (() => void)[] = [];

  constructor(tls: { readonly key: string; readonly cert: string } | null = null) {
    this.#tls = tls;
  }

  get url(): string {
    return `${this.#tls === null ? 'http' : 'https'}://127.0.0.1:${String(this.#port)}/push`;
  }

  get socketCount(): number {
    return new Set(this.requests.map(({ socket }) => socket)).size;
  }

  /** On the port of before, if there was one. */
  async start(): Promise<void> {
    const listener: RequestListener = (incoming, response) => void this.#take(incoming, response);
    const options = { maxHeaderSize: 512 * 1024 };
    const server =
      this.#tls === null
        ? createServer(options, listener)
        : createTlsServer({ ...options, ...this.#tls }, listener);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Waits until a condition on what came holds. */
  async until(isTrue: (requests: readonly PushedRequest[]) => boolean): Promise<void> {
    while (!isTrue(this.requests)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  async untilCount(count: number): Promise<void> {
    await this.until(({ length }) => length >= count);
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
    } catch {
      // It was cut while its body was on the way.
      this.#notify();
      return;
    }
    const request: PushedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      rawHeaders: incoming.rawHeaders,
      body: Buffer.concat(chunks),
      socket: incoming.socket,
      response,
      isLost: false,
    };
    response.once('close', () => {
      if (!response.writableFinished) request.isLost = true;
      this.#notify();
    });
    if (incoming.headers['content-type'] === 'application/json')
      this.texts.add(pushedText(request));
    this.respond(request, this.requests.push(request) - 1);
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export function answer(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

export const wrappedOf = ({ body }: PushedRequest): WrappedBody =>
  JSON.parse(body.toString()) as WrappedBody;

/** The data of a wrapped message as text. */
export const pushedText = (request: PushedRequest): string =>
  Buffer.from(wrappedOf(request).message.data ?? '', 'base64').toString();
