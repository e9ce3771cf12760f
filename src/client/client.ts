import { Listeners } from './listeners.ts';
import { settingsOf, type ConnectOptions, type Settings } from './options.ts';
import { Publisher } from './publisher/publisher.ts';
import { quiet } from './quiet.ts';
import { SealpostError } from './sealpost-error.ts';
import { Session } from './session.ts';
import { subscribeSettings, type SubscribeOptions } from './subscription/subscribe-options.ts';
import { LeasingSubscription, type Subscription } from './subscription/subscription.ts';
import { webSocketUrl } from './web-socket.ts';
import type { PublishMessage } from './wire/frame.ts';

/**
 * `waiting`: the connection broke, and the next attempt comes after a while. `closing`: flushing
 * after `close` was called.
 */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closing' | 'closed';

export interface ClientStateChange {
  readonly state: ClientState;
  /** Why it waits, or why it is closed if not by its user. */
  readonly error: SealpostError | undefined;
}

export interface PublishOptions {
  /** Rejects the publish with its reason. What was sent already may be published all the same. */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** For what is still on its way; then it fails. 10,000 unless given. */
  readonly timeoutMs?: number;
}

/** A session with a server, which survives its connections. */
export interface Client {
  readonly state: ClientState;
  /** Tells of each change of `state`; returns what stops that. */
  onStateChange(listener: (change: ClientStateChange) => void): () => void;
  /** Resolves once there is a connection; rejects if the server refuses for good. */
  ready(): Promise<void>;
  /**
   * Publishes to `projects/P/topics/T`. Resolves to the message's id when it is on disk, sealed.
   * Rejects with SealpostError; a rejection that nobody looks at is silent.
   */
  publish(topic: string, message: PublishMessage, options?: PublishOptions): Promise<string>;
  /** Several at once: the ids are in their order. If one is refused, others may be published. */
  publish(
    topic: string,
    messages: readonly PublishMessage[],
    options?: PublishOptions,
  ): Promise<string[]>;
  /**
   * Lets messages with an ordering key go on. When one of them was not published, those after it
   * are refused with `ORDERING_KEY_STOPPED` until then, since they would overtake it.
   */
  resumePublishing(topic: string, orderingKey: string): void;
  /**
   * Receives from `projects/P/subscriptions/S`, or, from now on, what is published to
   * `projects/P/topics/T`. Throws SealpostError or RangeError on a bad argument.
   */
  subscribe(source: string, options?: SubscribeOptions): Subscription;
  /** Waits for what is on its way, gives back what is held, and closes. Never rejects. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Connects to a Sealpost server: `http://127.0.0.1:8085`. Returns at once; what is asked before
 * there is a connection waits for it. Throws TypeError or RangeError on a bad argument.
 */
export function connect(url: string, options: ConnectOptions = {}): Client {
  const client = new SessionClient(webSocketUrl(url), settingsOf(options));
  const ignore = onAbort(options.signal, () => void client.close());
  client.onStateChange(({ state }) => {
    if (state === 'closed') ignore();
  });
  return client;
}

/** Calls `act` when the signal aborts, or did; returns what lets go of the signal. */
function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal?.aborted === true) act();
  else signal?.addEventListener('abort', act, { once: true });
  return () => signal?.removeEventListener('abort', act);
}

class SessionClient implements Client {
  readonly #settings: Settings;
  readonly #session: Session;
  readonly #publisher: Publisher;
  readonly #subscriptions = new Set<LeasingSubscription>();
  readonly #listeners = new Listeners<ClientStateChange>();
  #state: ClientState = 'connecting';
  #error: SealpostError | undefined;
  #closing: Promise<void> | undefined;

  constructor(url: string, settings: Settings) {
    this.#settings = settings;
    this.#session = new Session(url, settings, {
      stateChanged: (state, error) => this.#sessionChanged(state, error),
    });
    this.#publisher = new Publisher(this.#session, settings);
    this.#session.start();
  }

  get state(): ClientState {
    return this.#state;
  }

  onStateChange(listener: (change: ClientStateChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  ready(): Promise<void> {
    return quiet(
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (this.#state === 'open') resolve();
          else if (this.#isEnding) reject(this.#error ?? closedError());
          else return;
          stop();
        };
        const stop = this.onStateChange(check);
        check();
      }),
    );
  }

  publish(topic: string, message: PublishMessage, options?: PublishOptions): Promise<string>;
  publish(
    topic: string,
    messages: readonly PublishMessage[],
    options?: PublishOptions,
  ): Promise<string[]>;
  publish(
    topic: string,
    given: PublishMessage | readonly PublishMessage[],
    { signal }: PublishOptions = {},
  ): Promise<string | string[]> {
    if (isList(given)) return quiet(this.#publish(topic, given, signal));
    return quiet(this.#publish(topic, [given], signal).then(([id = '']) => id));
  }

  resumePublishing(topic: string, orderingKey: string): void {
    this.#publisher.resume(topic, orderingKey);
  }

  subscribe(source: string, options: SubscribeOptions = {}): Subscription {
    const settings = subscribeSettings(source, options);
    if (this.#isEnding) throw this.#error ?? closedError();
    const subscription: LeasingSubscription = new LeasingSubscription(
      this.#session,
      this.#settings.environment,
      settings,
      () => this.#subscriptions.delete(subscription),
    );
    this.#subscriptions.add(subscription);
    const ignore = onAbort(options.signal, () => void subscription.close());
    subscription.onStateChange(({ state }) => {
      if (state === 'closed') ignore();
    });
    return subscription;
  }

  close({ timeoutMs = 10_000 }: CloseOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(timeoutMs));
  }

  get #isEnding(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  async #publish(
    topic: string,
    messages: readonly PublishMessage[],
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    if (this.#isEnding) throw this.#error ?? closedError();
    signal?.throwIfAborted();
    const published = this.#publisher.publish(topic, messages, signal);
    if (signal === undefined) return await published;
    return await new Promise((resolve, reject) => {
      const ignore = onAbort(signal, () => reject(signal.reason));
      void published.then(resolve, reject).then(ignore);
    });
  }

  async #close(timeoutMs: number): Promise<void> {
    if (this.#state === 'closed') return;
    this.#setState('closing', undefined);
    const releases = [...this.#subscriptions].map((subscription) => subscription.release());
    const flushed = Promise.all([...releases, this.#publisher.flush()]);
    await new Promise<void>((resolve) => {
      const cancel = this.#settings.environment.schedule(timeoutMs, resolve);
      void flushed.then(() => {
        cancel();
        resolve();
      });
    });
    this.#session.close(closedError());
  }

  #sessionChanged(state: Session['state'], error: SealpostError | undefined): void {
    if (state === 'closed') {
      const reason = error ?? closedError();
      this.#error = reason;
      this.#publisher.close(reason);
      for (const subscription of this.#subscriptions) subscription.abandon(reason);
      this.#subscriptions.clear();
      this.#setState('closed', this.#state === 'closing' ? undefined : reason);
      return;
    }
    if (this.#state !== 'closing') this.#setState(state, error);
    if (state === 'open') this.#publisher.pump();
  }

  #setState(state: ClientState, error: SealpostError | undefined): void {
    this.#state = state;
    this.#listeners.tell({ state, error });
  }
}

/** `Array.isArray` does not know of lists that are only read. */
function isList(
  given: PublishMessage | readonly PublishMessage[],
): given is readonly PublishMessage[] {
  return Array.isArray(given);
}

function closedError(): SealpostError {
  return new SealpostError('CANCELLED', 'CLIENT_CLOSED', 'The client was closed.');
}
