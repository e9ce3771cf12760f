import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

import type { Clock } from '../runtime/index.ts';
import { AbortListeners } from './abort-listeners.ts';
import { AddressPolicy, type AddressPolicyOptions } from './address-policy.ts';
import { Connector, type Resolve } from './connector.ts';
import { exchange, StaleConnectionError } from './exchange.ts';
import { type DialledRequest, KeptConnections } from './kept-connections.ts';
import { OutgoingError } from './outgoing-client.ts';
import type { OutgoingClient, OutgoingRequest, OutgoingResponse } from './outgoing-client.ts';
import { checkRequest, type Destination } from './request-check.ts';
import { RequestSlots } from './request-slots.ts';

/** What bounds the connections, and with them what one user's endpoints take from the others. */
export interface OutgoingLimits {
  readonly requestsMax: number;
  /** To one name and port. */
  readonly requestsPerHostMax: number;
  readonly idleMs: number;
  readonly idleMax: number;
  /** Of an answer's headers, all together. */
  readonly headerBytesMax: number;
}

export const defaultOutgoingLimits: OutgoingLimits = {
  requestsMax: 1_024,
  requestsPerHostMax: 256,
  idleMs: 30_000,
  idleMax: 256,
  headerBytesMax: 16 * 1024,
};

export interface OutgoingClientOptions {
  readonly policy: AddressPolicyOptions;
  readonly clock: Clock;
  /** A PEM file of certificate authorities that are trusted beside the system's; null: none. */
  readonly caFile: string | null;
  /** How names become addresses; the system's way unless given. */
  readonly resolve?: Resolve;
  readonly limits?: Partial<OutgoingLimits>;
}

/** Throws if the file of authorities cannot be read or holds none. */
export function createOutgoingClient(options: OutgoingClientOptions): OutgoingClient {
  return new HttpClient(options);
}

class HttpClient implements OutgoingClient {
  readonly #clock: Clock;
  readonly #limits: OutgoingLimits;
  readonly #connector: Connector;
  readonly #slots: RequestSlots;
  readonly #kept: KeptConnections;
  readonly #running: Set<AbortController> = new Set();
  readonly #aborts = new AbortListeners();
  #isClosed = false;

  constructor(options: OutgoingClientOptions) {
    const limits = { ...defaultOutgoingLimits, ...options.limits };
    this.#clock = options.clock;
    this.#limits = limits;
    this.#connector = new Connector({
      policy: new AddressPolicy(options.policy),
      resolve: options.resolve ?? systemResolve,
      secureContext: trusting(options.caFile),
    });
    this.#slots = new RequestSlots(limits.requestsMax, limits.requestsPerHostMax);
    this.#kept = new KeptConnections({ clock: this.#clock, ...limits });
  }

  async send(request: OutgoingRequest): Promise<OutgoingResponse> {
    request.signal.throwIfAborted();
    if (this.#isClosed) throw closed();
    const to = checkRequest(request);
    const life = new AbortController();
    const timeout = (): void => life.abort(timedOut(request.timeoutMs));
    const ignore = this.#aborts.add(request.signal, () => life.abort(request.signal.reason));
    const disarm = this.#clock.schedule(this.#clock.monotonicMs() + request.timeoutMs, timeout);
    this.#running.add(life);
    try {
      return await this.#inTurn(request, to, life.signal);
    } finally {
      this.#running.delete(life);
      disarm();
      ignore();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const life of this.#running) life.abort(closed());
    this.#kept.close();
  }

  async #inTurn(
    request: OutgoingRequest,
    to: Destination,
    signal: AbortSignal,
  ): Promise<OutgoingResponse> {
    const giveBack = await this.#slots.take(`${to.host}:${to.port}`, signal);
    try {
      return await this.#exchange(request, to, signal);
    } finally {
      giveBack();
    }
  }

  /** A kept connection may have been closed by its server as it was taken: then once more, anew. */
  async #exchange(
    request: OutgoingRequest,
    to: Destination,
    signal: AbortSignal,
  ): Promise<OutgoingResponse> {
    const options = this.#optionsOf(request, to, signal);
    try {
      return await exchange(request, options, signal);
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
    }
    this.#kept.dropIdle(to.isTls, options);
    return await exchange(request, options, signal);
  }

  #optionsOf(request: OutgoingRequest, to: Destination, signal: AbortSignal): DialledRequest {
    return {
      protocol: to.isTls ? 'https:' : 'http:',
      host: to.host,
      port: to.port,
      path: to.path,
      method: request.method,
      headers: { ...request.headers, 'content-length': request.body.length },
      agent: this.#kept.agent(to.isTls),
      maxHeaderSize: this.#limits.headerBytesMax,
      dial: () => this.#connector.connect(to, signal),
    };
  }
}

async function systemResolve(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}

/** Node's own authorities, the system's, and those of the file; read once. */
function trusting(caFile: string | null): () => SecureContext {
  const own = caFile === null ? [] : [readFileSync(caFile, 'utf8')];
  if (own.length > 0) createSecureContext({ ca: own });
  let context: SecureContext | undefined;
  return () =>
    (context ??= createSecureContext({
      ca: [...getCACertificates('default'), ...getCACertificates('system'), ...own],
      minVersion: 'TLSv1.2',
    }));
}

function timedOut(ms: number): OutgoingError {
  return new OutgoingError('timeout', `There was no whole answer within ${ms / 1_000} s.`);
}

function closed(): OutgoingError {
  return new OutgoingError('aborted', 'The server is stopping.');
}
