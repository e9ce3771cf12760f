import { Backoff, backoffMsMax } from '../backoff.ts';
import type { Environment } from '../environment.ts';
import type { SealpostError } from '../sealpost-error.ts';
import { streamNotFound, type Session, type SessionRequest, type StreamSink } from '../session.ts';
import { isReopened } from '../status.ts';
import type { Deliver, ServerFrame, Subscribed, SubscribeRequest } from '../wire/frame.ts';

export interface StreamEvents {
  opened(subscribed: Subscribed): void;
  delivered(deliver: Deliver): void;
  /** It ended, or its session did, and is being opened again. */
  interrupted(error: SealpostError | undefined): void;
  /** For good. */
  failed(error: SealpostError): void;
}

/** A stream that is open whenever it can be: what ends it for a while opens it again. */
export class Stream implements StreamSink {
  readonly #session: Session;
  readonly #environment: Environment;
  readonly #events: StreamEvents;
  readonly #opening: SessionRequest;
  readonly #backoff: Backoff;
  #id = 0;
  #openedMs = 0;
  #isClosed = false;
  #cancelReopening: (() => void) | undefined;

  constructor(
    session: Session,
    environment: Environment,
    request: SubscribeRequest,
    events: StreamEvents,
  ) {
    this.#session = session;
    this.#environment = environment;
    this.#events = events;
    this.#backoff = new Backoff(environment);
    this.#opening = {
      frame: (id, codec) => codec.subscribe(id, request),
      answered: (frame) => this.#opened(frame),
      failed: (error) => this.ended(error),
    };
    this.#open();
  }

  /** By this number the server knows it at present. */
  get id(): number {
    return this.#id;
  }

  delivered(frame: Deliver): void {
    this.#backoff.reset();
    this.#events.delivered(frame);
  }

  ended(error: SealpostError): void {
    if (this.#isClosed) return;
    const isReopening = isReopened(error.status, error.reason) || error.reason === streamNotFound;
    if (!isReopening || this.#session.state === 'closed') {
      this.#isClosed = true;
      this.#events.failed(error);
      return;
    }
    const isSettled = this.#openedMs > 0 && this.#nowMs() - this.#openedMs >= backoffMsMax;
    if (isSettled) this.#backoff.reset();
    this.#openedMs = 0;
    this.#cancelReopening = this.#environment.schedule(this.#backoff.next(), () => {
      this.#cancelReopening = undefined;
      this.#open();
    });
    this.#events.interrupted(error);
  }

  lost(): void {
    // An opening that was never answered is sent again by the session.
    if (this.#isClosed || this.#session.isUnanswered(this.#id)) return;
    this.#session.repeat(this.#id, this.#opening);
    this.#events.interrupted(undefined);
  }

  /** Resolves when the server delivers nothing more. What comes until then is still told. */
  close(): Promise<void> {
    const id = this.#id;
    const isOver = this.#isClosed || this.#cancelReopening !== undefined;
    this.#cancelReopening?.();
    this.#isClosed = true;
    if (isOver) return Promise.resolve();
    this.#session.forget(id);
    return new Promise((resolve) => {
      const closed = (): void => {
        this.#session.removeStream(id);
        resolve();
      };
      this.#session.request({
        frame: (requestId, codec) => codec.unsubscribe(requestId, id),
        answered: closed,
        failed: closed,
        survives: () => {
          closed();
          return false;
        },
      });
    });
  }

  #open(): void {
    this.#id = this.#session.request(this.#opening);
    this.#session.addStream(this.#id, this);
  }

  #opened(frame: ServerFrame): void {
    if (frame.kind === 'subscribed') {
      this.#openedMs = this.#nowMs();
      this.#events.opened(frame);
    } else if (frame.kind === 'error') {
      this.#session.removeStream(this.#id);
      this.ended(frame.error);
    }
  }

  #nowMs(): number {
    return this.#environment.nowMs();
  }
}
