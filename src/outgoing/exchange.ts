import { request as open, type ClientRequest, type IncomingMessage } from 'node:http';

import { codeOf, sever } from './connector.ts';
import type { DialledRequest } from './kept-connections.ts';
import { OutgoingError, type OutgoingRequest, type OutgoingResponse } from './outgoing-client.ts';

/** Of an answer's body beyond what is kept: read so that the connection can serve again. */
const drainedBytesMax = 64 * 1024;

/** A kept connection was closed by its server before it said anything: another may do better. */
export class StaleConnectionError extends OutgoingError {
  override name = 'StaleConnectionError';

  constructor(cause: unknown) {
    super('unreachable', lost(cause), { cause });
  }
}

/**
 * One request on one connection, until the last byte of its answer. When the signal aborts, the
 * connection is reset at once and its reason is thrown.
 */
export function exchange(
  wanted: OutgoingRequest,
  options: DialledRequest,
  signal: AbortSignal,
): Promise<OutgoingResponse> {
  return new Promise((resolve, reject) => {
    const running = new Exchange(wanted, open(options), (outcome) => {
      signal.removeEventListener('abort', cut);
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    });
    const cut = (): void => running.cut(signal.reason as Error);
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) cut();
    else running.start();
  });
}

class Exchange {
  readonly #wanted: OutgoingRequest;
  readonly #request: ClientRequest;
  #settle: ((outcome: OutgoingResponse | Error) => void) | null;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #droppedBytes = 0;
  #isProcessing = false;

  constructor(
    wanted: OutgoingRequest,
    request: ClientRequest,
    settle: (outcome: OutgoingResponse | Error) => void,
  ) {
    this.#wanted = wanted;
    this.#request = request;
    this.#settle = settle;
    request.on('error', (error) => this.#fail(error));
    request.on('information', ({ statusCode }) => {
      this.#isProcessing ||= statusCode === 102;
    });
    // Nothing was asked that could be answered so.
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      this.#fail(malformed('HTTP 101'));
    });
    request.on('response', (response) => this.#receive(response));
  }

  start(): void {
    this.#request.end(this.#wanted.body);
  }

  /** Ends it with `reason`; of a body that is on its way not one more byte leaves. */
  cut(reason: Error): void {
    const { socket } = this.#request;
    if (socket !== null) sever(socket);
    this.#end(reason);
  }

  #receive(response: IncomingMessage): void {
    response.on('data', (chunk: Uint8Array) => this.#take(response, chunk));
    response.on('error', (error) => this.#fail(error));
    response.on('end', () => this.#succeed(response));
  }

  #take(response: IncomingMessage, chunk: Uint8Array): void {
    const room = this.#wanted.responseBytesMax - this.#keptBytes;
    const kept = chunk.subarray(0, Math.max(0, room));
    if (kept.length > 0) this.#kept.push(kept);
    this.#keptBytes += kept.length;
    this.#droppedBytes += chunk.length - kept.length;
    if (this.#droppedBytes <= drainedBytesMax) return;
    this.#succeed(response);
    this.#request.destroy();
  }

  #succeed(response: IncomingMessage): void {
    // Else the connection would wait for the rest of a body that its server no longer reads.
    if (!this.#request.writableFinished) this.#request.destroy();
    this.#end({
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      body: new Uint8Array(Buffer.concat(this.#kept)),
    });
  }

  #fail(error: unknown): void {
    this.#end(this.#outcomeOf(error));
  }

  #outcomeOf(error: unknown): OutgoingResponse | Error {
    if (error instanceof OutgoingError) return error;
    if (this.#isProcessing) return { status: 102, headers: {}, body: new Uint8Array(0) };
    return failureOf(this.#request, error);
  }

  #end(outcome: OutgoingResponse | Error): void {
    const settle = this.#settle;
    this.#settle = null;
    if (settle === null) return;
    if (outcome instanceof Error) this.#request.destroy();
    settle(outcome);
  }
}

/** What an error of a request means to whoever sent it. */
export function failureOf(request: ClientRequest, error: unknown): OutgoingError {
  if (error instanceof OutgoingError) return error;
  const code = codeOf(error);
  if (code.startsWith('HPE_')) return malformed(code, error);
  const { reusedSocket, res } = request as ClientRequest & { res?: IncomingMessage };
  if (res) return malformed(`it ended early, ${code}`, error);
  if (reusedSocket) return new StaleConnectionError(error);
  return new OutgoingError('unreachable', lost(error), { cause: error });
}

export function lost(cause: unknown): string {
  return `The connection was lost: ${codeOf(cause)}.`;
}

export function malformed(what: string, cause?: unknown): OutgoingError {
  return new OutgoingError('malformed answer', `The answer is no HTTP answer: ${what}.`, { cause });
}

export function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(pairs);
}
