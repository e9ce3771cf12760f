import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

import type { Clock } from '../runtime/index.ts';
import { AddressPolicy, type AddressPolicyOptions } from './address-policy.ts';
import { Connector, type Resolve } from './connector.ts';
import { exchange, headersOf, StaleConnectionError } from './exchange.ts';
import { type DialledRequest, KeptConnections } from './kept-connections.ts';
import type {
  OutgoingClient,
  OutgoingRequest,
  OutgoingResponse,
  OutgoingStream,
  OutgoingStreamRequest,
} from './outgoing-client.ts';
import { checkRequest, type Destination } from './request-check.ts';
import { RequestLives } from './request-lives.ts';
import { RequestSlots } from './request-slots.ts';
import { answerHead, StreamedBody } from './streamed-body.ts';

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
  readonly #lives: RequestLives;

  constructor(options: OutgoingClientOptions) {
    const limits = { ...defaultOutgoingLimits, ...options.limits };
    this.#clock = options.clock;
    this.#lives = new RequestLives(options.clock);
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
    this.#lives.check(request);
    const to = checkRequest(request);
    const life = this.#lives.begin(request);
    try {
      return await this.#inTurn(request, to, life.signal);
    } finally {
      life.end();
    }
  }

  async open(request: OutgoingStreamRequest): Promise<OutgoingStream> {
    this.#lives.check(request);
    const to = checkRequest(request);
    const life = this.#lives.begin(request);
    let giveBack: (() => void) | undefined;
    const end = (): void => {
      life.end();
      giveBack?.();
    };
    try {
      giveBack = await this.#slots.take(`${to.host}:${to.port}`, life.signal);
      const options = this.#optionsOf(request, request.headers, to, life.signal);
      const head = (): Promise<IncomingMessage> => answerHead(options, life.signal);
      const response = await this.#anew(to, options, head);
      life.disarm();
      const { idleMs } = request;
      const { signal } = life;
      const body = new StreamedBody(response, { clock: this.#clock, idleMs, signal, end });
      return { status: response.statusCode ?? 0, headers: headersOf(response), body };
    } catch (error) {
      end();
      throw error;
    }
  }

  close(): void {
    this.#lives.close();
    this.#kept.close();
  }

  async #inTurn(
    request: OutgoingRequest,
    to: Destination,
    signal: AbortSignal,
  ): Promise<OutgoingResponse> {
    const giveBack = await this.#slots.take(`${to.host}:${to.port}`, signal);
    try {
      const headers = { ...request.headers, 'content-length': request.body.length };
      const options = this.#optionsOf(request, headers, to, signal);
      return await this.#anew(to, options, () => exchange(request, options, signal));
    } finally {
      giveBack();
    }
  }

  /** A kept connection may have been closed by its server as it was taken: then once more, anew. */
  async #anew<Answer>(
    to: Destination,
    options: DialledRequest,
    ask: () => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StaleConnectionError)) throw error;
    }
    this.#kept.dropIdle(to.isTls, options);
    return await ask();
  }

  #optionsOf(
    { method }: OutgoingRequest | OutgoingStreamRequest,
    headers: Readonly<Record<string, string | number>>,
    to: Destination,
    signal: AbortSignal,
  ): DialledRequest {
    return {
      protocol: to.isTls ? 'https:' : 'http:',
      host: to.host,
      port: to.port,
      path: to.path,
      method,
      headers,
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
