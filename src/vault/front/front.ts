import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Entropy } from '../../runtime/index.ts';
import type { VaultObserver } from '../observer.ts';
import { answer, answers, type FrontAnswer } from './front-answers.ts';
import { FrontExchange, type Carrier, type ExchangeContext } from './front-exchange.ts';
import { framingOf } from './header-fields.ts';
import type { InstanceSlot } from './instance-slot.ts';
import { ProxiedRequest } from './proxied-request.ts';
import { originForm } from './request-target.ts';
import { RoutingTable } from './routing-table.ts';
import { Scaler, type ScalerOptions } from './scaler.ts';
import { ServiceHosts } from './service-hosts.ts';
import type { FrontTarget, ServiceFront } from './service-front.ts';
import { Tunnel } from './tunnel.ts';

export interface FrontOptions extends ScalerOptions {
  /** Names, without port, under which clients reach the API beside its own. */
  readonly publicHosts: readonly string[];
  readonly entropy: Entropy;
  readonly observer: VaultObserver;
}

export interface RunningFront extends ServiceFront {
  /** Replaces what is known of services: who answers where, and which revisions are kept running. */
  update(targets: readonly FrontTarget[]): void;
  /** True if no service may be reached under this name: `run.localhost`. */
  isApiName(name: string): boolean;
  /** Starts nothing any more and forgets all instances; they are not stopped. */
  close(): void;
}

/** The way in to services, and the scaler that runs as many instances as their requests need. */
export function createServiceFront(options: FrontOptions): RunningFront {
  return new Front(options);
}

type Carry = (exchange: FrontExchange, slot: InstanceSlot) => Carrier;

class Front implements RunningFront {
  readonly #hosts: ServiceHosts;
  readonly #routes: RoutingTable;
  readonly #scaler: Scaler;
  readonly #context: ExchangeContext;
  readonly #exchanges: Set<FrontExchange> = new Set();
  readonly #tunnels: Set<FrontExchange> = new Set();
  #isDraining = false;

  constructor(options: FrontOptions) {
    this.#hosts = new ServiceHosts(options.publicHosts);
    this.#routes = new RoutingTable(options.entropy);
    this.#scaler = new Scaler(options);
    const { logs, clock, entropy, observer, log } = options;
    this.#context = { scaler: this.#scaler, logs, clock, entropy, observer, log };
  }

  claims(host: string | undefined): boolean {
    return this.#hosts.prefixOf(host) !== undefined;
  }

  isApiName(name: string): boolean {
    return this.#hosts.isApiName(name);
  }

  update(targets: readonly FrontTarget[]): void {
    this.#routes.update(targets);
    this.#scaler.update(this.#routes.routed);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const path = originForm(request);
    const isClear = path !== undefined && framingOf(request) !== 'ambiguous';
    if (!isClear) {
      this.#refuse(request, response, answers.badRequest);
      return;
    }
    this.#route(
      request,
      response,
      (exchange, slot) => new ProxiedRequest(exchange, slot, path),
      this.#exchanges,
    );
  }

  upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): void {
    const socket = duplex as Socket;
    const response = new ServerResponse(request);
    socket.on('error', () => socket.destroy());
    try {
      response.assignSocket(socket);
    } catch {
      // An earlier request on this connection has not been answered yet.
      socket.destroy();
      return;
    }
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.destroySoon());
    const path = originForm(request);
    if (path === undefined || hasBody(request)) {
      this.#refuse(request, response, answers.badRequest);
      return;
    }
    this.#route(
      request,
      response,
      (exchange, slot) => new Tunnel(exchange, slot, path, socket, head),
      this.#tunnels,
    );
  }

  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    this.#scaler.quiesce();
    // A tunnel has no end of its own.
    for (const { request } of this.#tunnels) request.socket.destroySoon();
    const { clock } = this.#context;
    const ended = Promise.all([...this.#exchanges].map((exchange) => exchange.ended));
    const isLate = Promise.withResolvers<void>();
    const cancel = clock.schedule(clock.monotonicMs() + graceMs, () => isLate.resolve());
    await Promise.race([ended, isLate.promise]);
    cancel();
  }

  close(): void {
    this.#isDraining = true;
    this.#scaler.close();
  }

  #route(
    request: IncomingMessage,
    response: ServerResponse,
    carry: Carry,
    exchanges: Set<FrontExchange>,
  ): void {
    const prefix = this.#hosts.prefixOf(request.headers.host);
    const revision = prefix === undefined ? undefined : this.#routes.choose(prefix);
    if (this.#isDraining || revision === undefined) {
      const refusal = this.#isDraining ? answers.unavailable : answers.notFound;
      this.#refuse(request, response, refusal);
      return;
    }
    const exchange = new FrontExchange(this.#context, request, response, revision, carry);
    exchanges.add(exchange);
    void exchange.ended.then(() => {
      exchanges.delete(exchange);
      if (this.#isDraining) request.socket.destroySoon();
    });
    void exchange.run();
  }

  #refuse(request: IncomingMessage, response: ServerResponse, refusal: FrontAnswer): void {
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const isSuspect = refusal.status === answers.badRequest.status;
    answer(response, refusal, isSuspect || this.#isDraining || hasBody(request));
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
