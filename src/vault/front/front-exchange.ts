import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  resetConnection,
  type Cancel,
  type Clock,
  type Entropy,
  type Logger,
} from '../../runtime/index.ts';
import type { ServiceLogs } from '../logs/service-logs.ts';
import type { VaultObserver } from '../observer.ts';
import type { RevisionName } from '../services/service.ts';
import { answer, answers, type FrontAnswer } from './front-answers.ts';
import type { InstanceSlot } from './instance-slot.ts';
import { requestEntry } from './request-log.ts';
import type { Scaler } from './scaler.ts';
import type { Admission } from './waiting-line.ts';

export interface ExchangeContext {
  readonly scaler: Scaler;
  readonly logs: ServiceLogs;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: VaultObserver;
  readonly log: Logger;
}

/** What carries a request to its instance, and what comes back. */
export interface Carrier {
  /** Everything to the instance is closed, finished or not. */
  destroy(): void;
}

/** The client went away before there was an answer; the status of its log entry. */
const clientClosed = 499;
/** How long the rest of a body that nobody reads may come before the connection is closed. */
const lingerMs = 5_000;

/** Cloud Run's words. */
const malformed =
  'The request failed because either the HTTP response was malformed or connection to the instance had an error.';

/** One request to a service, from its head to its end: a place, a time limit and a record. */
export class FrontExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: ExchangeContext;
  /** Bytes of the bodies; whoever carries them counts. */
  requestBytes = 0;
  responseBytes = 0;
  /** Of the answer; 0: there is none yet. */
  status = 0;
  readonly #revision: RevisionName;
  readonly #carry: (exchange: FrontExchange, slot: InstanceSlot) => Carrier;
  readonly #abort: AbortController = new AbortController();
  readonly #startedMs: number;
  readonly #startedWallMs: number;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #slot: InstanceSlot | undefined;
  #carrier: Carrier | undefined;
  #cancelTimer: Cancel | undefined;
  #isOver = false;

  constructor(
    context: ExchangeContext,
    request: IncomingMessage,
    response: ServerResponse,
    revision: RevisionName,
    carry: (exchange: FrontExchange, slot: InstanceSlot) => Carrier,
  ) {
    this.context = context;
    this.request = request;
    this.response = response;
    this.#revision = revision;
    this.#carry = carry;
    this.#startedMs = context.clock.monotonicMs();
    this.#startedWallMs = context.clock.wallMs();
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.once('close', () => this.end());
  }

  /** Resolves when it is over. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Finds a place, then lets the request be carried there. Never rejects. */
  async run(): Promise<void> {
    const admission = await this.#admission().catch((error: unknown): Admission => {
      this.context.log.warn({ err: error, revision: this.#revision.revisionId }, 'no revision');
      return 'unavailable';
    });
    if (typeof admission === 'string') {
      if (admission === 'saturated') this.refuse(answers.tooMany);
      else if (admission === 'unavailable') this.refuse(answers.unavailable);
      return;
    }
    if (this.#isOver || this.#abort.signal.aborted) {
      admission.release();
      return;
    }
    this.#slot = admission;
    try {
      this.#carrier = this.#carry(this, admission);
    } catch (error) {
      this.context.log.debug({ err: error }, 'request cannot be carried');
      this.refuse(answers.badRequest);
    }
  }

  /** Answers instead of the instance; if the answer has begun, cuts it. */
  refuse(refusal: FrontAnswer): void {
    if (this.#isOver) return;
    this.#abort.abort();
    this.#carrier?.destroy();
    if (this.status !== 0) {
      this.cut();
      return;
    }
    this.status = refusal.status;
    this.responseBytes = Buffer.byteLength(refusal.body);
    answer(this.response, refusal, !this.request.complete);
    this.linger();
  }

  /** What came of the instance is no answer, or its connection broke: its owner is told. */
  refuseMalformed(): void {
    if (this.#isOver) return;
    const { clock, logs } = this.context;
    logs.append({
      log: 'varlog/system',
      severity: 'ERROR',
      revision: this.#revision,
      ...(this.#slot && { instanceId: this.#slot.instance.id }),
      timeMs: clock.wallMs(),
      text: malformed,
    });
    this.refuse(answers.unavailable);
  }

  /** Ends the connection so that nobody takes what was sent for the whole. */
  cut(): void {
    this.#carrier?.destroy();
    resetConnection(this.request.socket);
  }

  /** The answer is whole; what is left of the request is read and dropped, for a while. */
  linger(): void {
    const { request } = this;
    if (request.complete) return;
    request.unpipe();
    request.resume();
    const { clock } = this.context;
    const cancel = clock.schedule(clock.monotonicMs() + lingerMs, () => request.socket.destroy());
    request.once('close', cancel);
    request.once('end', cancel);
  }

  /** Called when nothing more is sent or received. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#abort.abort();
    this.#carrier?.destroy();
    this.#slot?.release();
    this.#record();
    this.#ended.resolve();
  }

  async #admission(): Promise<Admission> {
    const pool = await this.context.scaler.pool(this.#revision);
    const { clock } = this.context;
    const timeoutMs = pool.revision.template.timeoutSeconds * 1_000;
    if (this.#isOver) return 'aborted';
    this.#cancelTimer = clock.schedule(this.#startedMs + timeoutMs, () =>
      this.refuse(answers.timeout),
    );
    return pool.admit(this.#abort.signal);
  }

  #record(): void {
    const { clock, observer, logs } = this.context;
    const status = this.status === 0 ? clientClosed : this.status;
    const tookMs = clock.monotonicMs() - this.#startedMs;
    observer.request(this.#revision, status, tookMs);
    logs.append(
      requestEntry(this.request, {
        revision: this.#revision,
        instanceId: this.#slot?.instance.id,
        status,
        startedWallMs: this.#startedWallMs,
        tookMs,
        requestBytes: this.requestBytes,
        responseBytes: this.responseBytes,
      }),
    );
  }
}
