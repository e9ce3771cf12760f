import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';

import { forwardedFields } from './forwarding.ts';
import type { Carrier, FrontExchange } from './front-exchange.ts';
import { endToEnd, framingOf, trailersOf, type Framing } from './header-fields.ts';
import { dialler, type InstanceSlot } from './instance-slot.ts';

/** Of an answer: what is below is none, or says that one will come. */
export const leastStatus: number = 200;
/** Bytes of a response's head. */
export const responseHeadMax: number = 64 * 1024;

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const noTrailer = new Set(['trailer']);
/** RFC 9110, 8.6: no length where there can be no content. */
const noLength = new Set(['trailer', 'content-length']);

/** Carries a request to an instance and its response back, both as streams. */
export class ProxiedRequest implements Carrier {
  readonly #exchange: FrontExchange;
  readonly #slot: InstanceSlot;
  readonly #path: string;
  readonly #framing: Framing;
  /** Only what can be sent again goes over a kept connection: the instance may be closing it. */
  readonly #isRepeatable: boolean;
  #upstream: ClientRequest;
  #incoming: IncomingMessage | undefined;
  #isDone = false;

  constructor(exchange: FrontExchange, slot: InstanceSlot, path: string) {
    this.#exchange = exchange;
    this.#slot = slot;
    this.#path = path;
    const { request } = exchange;
    const framing = framingOf(request);
    this.#framing = framing === 'ambiguous' ? 'none' : framing;
    this.#isRepeatable = this.#framing === 'none' && safeMethods.has(request.method ?? '');
    this.#upstream = this.#send(this.#isRepeatable);
    if (this.#framing !== 'none') this.#sendBody();
  }

  destroy(): void {
    this.#isDone = true;
    if (this.#incoming?.complete !== true || !this.#upstream.writableFinished) {
      this.#upstream.destroy();
    }
  }

  #send(isKept: boolean): ClientRequest {
    const { request, response, context } = this.#exchange;
    const connection = isKept ? 'keep-alive' : 'close';
    const fields = forwardedFields(request, this.#framing, connection, context.entropy);
    const { agent, instance } = this.#slot;
    const upstream = httpRequest({
      method: request.method,
      path: this.#path,
      headers: fields,
      maxHeaderSize: responseHeadMax,
      ...(isKept ? { agent } : { createConnection: dialler(instance) }),
    });
    upstream.on('continue', () => {
      if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
    });
    upstream.on('response', (incoming) => this.#onResponse(incoming));
    upstream.on('error', (error) => this.#onError(error));
    if (this.#framing === 'none') upstream.end();
    else upstream.flushHeaders();
    return upstream;
  }

  #sendBody(): void {
    const { request } = this.#exchange;
    const upstream = this.#upstream;
    request.on('data', (chunk: Buffer) => (this.#exchange.requestBytes += chunk.length));
    request.pipe(upstream, { end: false });
    request.once('end', () => {
      if (upstream.destroyed) return;
      const trailers = trailersOf(request.rawTrailers);
      if (this.#framing === 'chunked' && trailers.length > 0) upstream.addTrailers(trailers);
      upstream.end();
    });
  }

  #onResponse(incoming: IncomingMessage): void {
    const { response, request } = this.#exchange;
    this.#incoming = incoming;
    incoming.on('error', () => this.#onError());
    if (this.#isDone) return;
    const status = incoming.statusCode ?? 0;
    if (status < leastStatus) {
      this.#exchange.refuseMalformed();
      return;
    }
    try {
      const dropped = mayHaveTrailers(request, incoming) ? undefined : noTrailer;
      const fields = endToEnd(incoming.rawHeaders, status === 204 ? noLength : dropped);
      response.writeHead(status, incoming.statusMessage, fields);
    } catch {
      this.#exchange.refuseMalformed();
      return;
    }
    this.#exchange.status = status;
    response.flushHeaders();
    incoming.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length));
    incoming.pipe(response, { end: false });
    incoming.once('end', () => this.#onWhole(incoming));
  }

  #onWhole(incoming: IncomingMessage): void {
    if (this.#isDone) return;
    const { response } = this.#exchange;
    const trailers = trailersOf(incoming.rawTrailers);
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(trailers);
    response.end();
    this.#exchange.linger();
  }

  /** The instance could not be reached, ended, or answered what is no HTTP. */
  #onError(error?: Error): void {
    if (this.#isDone || this.#incoming?.complete === true) return;
    const { context } = this.#exchange;
    if (this.#incoming === undefined && this.#isRepeatable && this.#upstream.reusedSocket) {
      this.#upstream = this.#send(false);
      return;
    }
    context.log.debug({ err: error, instance: this.#slot.instance.id }, 'instance did not answer');
    this.#exchange.refuseMalformed();
  }
}

function mayHaveTrailers(request: IncomingMessage, incoming: IncomingMessage): boolean {
  const canChunk = request.httpVersionMinor > 0 && request.method !== 'HEAD';
  const status = incoming.statusCode ?? 0;
  return canChunk && status !== 304 && incoming.headers['content-length'] === undefined;
}
