import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { ServiceFront } from '../../vault/index.ts';

/** Leads requests for services past the API: its checks, its budgets and its time limits. */
export class FrontDoor {
  readonly #front: ServiceFront | undefined;
  /** The latest request of a connection that was the front's. */
  readonly #latest: WeakMap<Socket, IncomingMessage> = new WeakMap();

  constructor(front: ServiceFront | undefined) {
    this.#front = front;
  }

  claims({ headers }: IncomingMessage): boolean {
    return this.#front?.claims(headers.host) ?? false;
  }

  /** True if the request is the front's, which answers it. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#front === undefined || !this.claims(request)) return false;
    this.#latest.set(request.socket, request);
    this.#front.serve(request, response);
    return true;
  }

  /**
   * True if the connection may leave HTTP: an offer of HTTP/2 is answered as the HTTP/1.1 request
   * that it also is, and the API speaks nothing but WebSocket.
   */
  mayUpgrade(request: IncomingMessage): boolean {
    const protocol = request.headers.upgrade?.toLowerCase();
    return this.claims(request) ? protocol !== 'h2c' : protocol === 'websocket';
  }

  /**
   * True if Node's limit on a whole request was met by the body of one for a service, which has a
   * limit of its own. Node looks at each message once, so the connection's next one is watched.
   */
  mayTakeLonger({ code }: Error & { readonly code?: string }, socket: Socket): boolean {
    return code === 'ERR_HTTP_REQUEST_TIMEOUT' && this.#latest.get(socket)?.complete === false;
  }
}
