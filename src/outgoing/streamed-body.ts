import { request as open, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

import { type Clock, freeBytes } from '../runtime/index.ts';
import { sever } from './connector.ts';
import { failureOf, lost, malformed } from './exchange.ts';
import type { DialledRequest } from './kept-connections.ts';
import { OutgoingError } from './outgoing-client.ts';

/** Sends a request without a body and waits for the head of its answer, whatever that says. */
export function answerHead(options: DialledRequest, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = open(options);
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', cut);
      request.destroy();
      reject(error);
    };
    const cut = (): void => {
      if (request.socket !== null) sever(request.socket);
      fail(signal.reason as Error);
    };
    signal.addEventListener('abort', cut, { once: true });
    request.on('error', (error) => fail(failureOf(request, error)));
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      fail(malformed('HTTP 101'));
    });
    request.on('response', (response) => {
      signal.removeEventListener('abort', cut);
      resolve(response);
    });
    if (signal.aborted) cut();
    else request.end();
  });
}

interface StreamedBodyOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  /** Called once, when nothing more is to come. */
  readonly end: () => void;
}

/** The body of an answer, taken from its connection as it is read, and not a buffer more. */
export class StreamedBody extends Readable {
  readonly #response: IncomingMessage;
  readonly #options: StreamedBodyOptions;
  readonly #cut: () => void;
  readonly #socket: Socket;
  #heardMs: number;
  #isAwaited = false;
  #disarm: () => void = () => undefined;

  constructor(response: IncomingMessage, options: StreamedBodyOptions) {
    // One buffer at a time: more would be joined in a copy, and wait for the collector.
    super({ highWaterMark: 1 });
    this.#response = response;
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
    // It may break before it is read; whoever reads it is told all the same.
    this.on('error', () => undefined);
    this.#cut = () => this.destroy(options.signal.reason as Error);
    options.signal.addEventListener('abort', this.#cut, { once: true });
    response.on('data', (chunk: Uint8Array) => this.#take(chunk));
    // What a connection reads is copied when it was parsed, which the listener before this one does.
    this.#socket = response.socket.on('data', freeBytes);
    response.on('end', () => {
      this.#isAwaited = false;
      this.#socket.off('data', freeBytes);
      this.push(null);
    });
    response.on('error', (error) => this.destroy(brokenOff(error)));
    response.pause();
    if (options.signal.aborted) this.#cut();
  }

  override _read(): void {
    if (!this.#isAwaited) {
      this.#isAwaited = true;
      this.#heardMs = this.#options.clock.monotonicMs();
      this.#disarm();
      this.#watch();
    }
    this.#response.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#disarm();
    this.#options.signal.removeEventListener('abort', this.#cut);
    this.#socket.off('data', freeBytes);
    if (!this.#response.readableEnded) this.#giveUp();
    this.#options.end();
    done(error);
  }

  #take(chunk: Uint8Array): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    if (this.push(chunk)) return;
    this.#isAwaited = false;
    this.#response.pause();
  }

  /** One timer for many chunks: it looks again when it comes early. */
  #watch(): void {
    const { clock, idleMs } = this.#options;
    this.#disarm = clock.schedule(this.#heardMs + idleMs, () => {
      if (!this.#isAwaited) return;
      if (clock.monotonicMs() < this.#heardMs + idleMs) return this.#watch();
      const text = `The answer stood still for ${idleMs / 1_000} s.`;
      this.destroy(new OutgoingError('timeout', text));
    });
  }

  #giveUp(): void {
    const { socket } = this.#response;
    if (socket !== null) sever(socket);
    this.#response.destroy();
  }
}

/** Of which kind the end was, only the request could tell: the body is cut short either way. */
function brokenOff(cause: unknown): OutgoingError {
  return new OutgoingError('unreachable', lost(cause), { cause });
}
