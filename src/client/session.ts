import { Backoff } from './backoff.ts';
import { errorOfClose, isWorthResuming, protocolError, sessionTakenOver } from './close-codes.ts';
import { Connection, type ConnectionEnd } from './connection.ts';
import type { Settings } from './options.ts';
import { refusalOf } from './refusal.ts';
import { SealpostError } from './sealpost-error.ts';
import { TokenSource } from './token-source.ts';
import type { Codec, OutgoingFrame, ServerFrame, Welcome } from './wire/frame.ts';

/** A frame that the server answers. It is sent anew on each connection until it is answered. */
export interface SessionRequest {
  frame(id: number, codec: Codec): OutgoingFrame;
  /** Called once, unless `failed` is. */
  answered(frame: ServerFrame): void;
  /** The client ended before an answer came. */
  failed(error: SealpostError): void;
  /** The session is gone, and whether the request had been sent in it; false: do not send again. */
  survives?(wasSent: boolean): boolean;
}

/** What a stream's deliveries and its end go to. */
export interface StreamSink {
  delivered(frame: Extract<ServerFrame, { kind: 'deliver' }>): void;
  ended(error: SealpostError): void;
  /** The session is gone and the stream with it; a new one is open. */
  lost(): void;
}

/** `connecting`: for the first time or again. `waiting`: until the next attempt. */
export type SessionState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface SessionEvents {
  /** `error`: why the connection ended. */
  stateChanged(state: SessionState, error: SealpostError | undefined): void;
}

interface Unanswered {
  readonly request: SessionRequest;
  wasSent: boolean;
}

interface OpenStream {
  readonly sink: StreamSink;
  /** The last one received. */
  sequence: number;
}

/** The reason where a stream is not, or no longer, one of the session's. */
export const streamNotFound = 'STREAM_NOT_FOUND';

/** A connection that lived so long was none that fails again and again. */
const healthyMs = 1_000;

/**
 * One session, across as many connections as it takes.
 *
 * A request stays here until it is answered, and keeps its id: a server that has seen it answers
 * once more without doing it twice.
 */
export class Session {
  readonly #url: string;
  readonly #settings: Settings;
  readonly #events: SessionEvents;
  readonly #backoff: Backoff;
  readonly #tokens: TokenSource;
  readonly #unanswered = new Map<number, Unanswered>();
  readonly #streams = new Map<number, OpenStream>();
  #state: SessionState = 'connecting';
  #connection: Connection | undefined;
  #welcome: Welcome | undefined;
  /** Empty: a new session is wanted. */
  #sessionId = '';
  /** There was one, whose streams and answers are lost unless it is resumed. */
  #hadSession = false;
  #closedBy: SealpostError | undefined;
  #lastId = 0;
  #openedMs = 0;
  #cancelRetry: () => void = () => undefined;

  constructor(url: string, settings: Settings, events: SessionEvents) {
    this.#url = url;
    this.#settings = settings;
    this.#events = events;
    this.#backoff = new Backoff(settings.environment);
    this.#tokens = new TokenSource(settings);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What the server said last; undefined before the first connection. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  start(): void {
    this.#connect();
  }

  /** Sends now or as soon as there is a connection. Returns the request's id. */
  request(request: SessionRequest): number {
    const id = ++this.#lastId;
    const unanswered = { request, wasSent: false };
    const closedBy = this.#closedBy;
    if (closedBy !== undefined) {
      queueMicrotask(() => request.failed(closedBy));
      return id;
    }
    this.#unanswered.set(id, unanswered);
    if (this.#state === 'open') this.#send(id, unanswered);
    return id;
  }

  /** What the server says of the stream that the request `id` opens goes to `sink`. */
  addStream(id: number, sink: StreamSink): void {
    this.#streams.set(id, { sink, sequence: 0 });
  }

  removeStream(id: number): void {
    this.#streams.delete(id);
  }

  /** An answer, should it come, is passed over. */
  forget(id: number): void {
    this.#unanswered.delete(id);
  }

  isUnanswered(id: number): boolean {
    return this.#unanswered.has(id);
  }

  /** Sends a request again under its old id, in a session that does not know it. */
  repeat(id: number, request: SessionRequest): void {
    this.#unanswered.set(id, { request, wasSent: false });
  }

  /** Ends it for good; what was not answered fails with `error`. */
  close(error: SealpostError): void {
    if (this.#state === 'closed') return;
    this.#closedBy = error;
    this.#cancelRetry();
    this.#tokens.close();
    this.#drop({ isFarewell: true });
    const unanswered = [...this.#unanswered.values()];
    const streams = [...this.#streams.values()];
    this.#unanswered.clear();
    this.#streams.clear();
    this.#setState('closed', error);
    for (const { request } of unanswered) request.failed(error);
    for (const { sink } of streams) sink.ended(error);
  }

  #setState(state: SessionState, error?: SealpostError): void {
    this.#state = state;
    this.#events.stateChanged(state, error);
  }

  #connect(): void {
    this.#tokens.get().then(
      (token) => this.#open(token),
      (cause: unknown) => {
        const message = `The token could not be got: ${String(cause)}`;
        this.#wait(new SealpostError('UNAVAILABLE', 'TOKEN_UNAVAILABLE', message, { cause }));
      },
    );
  }

  #open(token: string): void {
    if (this.#state !== 'connecting') return;
    const positions = new Map([...this.#streams].map(([id, { sequence }]) => [id, sequence]));
    const isResuming = this.#sessionId !== '';
    try {
      this.#connection = new Connection({
        ...this.#settings,
        url: this.#url,
        hello: {
          sessionId: this.#sessionId,
          token,
          positions: isResuming ? positions : new Map(),
        },
        onWelcome: (welcome) => {
          this.#welcomed(welcome);
          this.#keepToken();
        },
        onFrame: (frame) => this.#received(frame),
        onEnd: (end) => this.#ended(end),
      });
    } catch (cause) {
      const message = `The WebSocket could not be made: ${String(cause)}`;
      this.close(new SealpostError('INVALID_ARGUMENT', 'WEBSOCKET_REFUSED', message, { cause }));
    }
  }

  /** A session ends with its token, and is kept by whoever resumes it with another before. */
  #keepToken(): void {
    this.#tokens.renew((fresh) => {
      this.#drop({ isFarewell: false });
      this.#setState('connecting');
      this.#open(fresh);
    });
  }

  #drop(how: { readonly isFarewell: boolean }): void {
    this.#tokens.cancelRenewal();
    this.#connection?.close(how);
    this.#connection = undefined;
  }

  #welcomed(welcome: Welcome): void {
    const isLost = this.#hadSession && !welcome.resumed;
    this.#hadSession = true;
    this.#welcome = welcome;
    this.#sessionId = welcome.sessionId;
    this.#openedMs = this.#settings.environment.nowMs();
    if (isLost) this.#lose();
    // A stream's id is that of the request which opens it, and comes before what refers to it.
    const inOrder = [...this.#unanswered].toSorted(([a], [b]) => a - b);
    for (const [id, unanswered] of inOrder) this.#send(id, unanswered);
    this.#setState('open');
  }

  #lose(): void {
    for (const [id, { request, wasSent }] of this.#unanswered) {
      if (request.survives?.(wasSent) === false) this.#unanswered.delete(id);
    }
    for (const stream of this.#streams.values()) {
      stream.sequence = 0;
      stream.sink.lost();
    }
  }

  #send(id: number, unanswered: Unanswered): void {
    unanswered.wasSent = true;
    this.#connection?.send(unanswered.request.frame(id, this.#settings.codec));
  }

  #received(frame: ServerFrame): void {
    if (frame.kind === 'deliver') {
      this.#delivered(frame);
      return;
    }
    const unanswered = this.#unanswered.get(frame.id);
    if (this.#isTooEarly(frame)) return;
    if (unanswered !== undefined && frame.kind !== 'unknown' && frame.kind !== 'pong') {
      this.#unanswered.delete(frame.id);
      unanswered.request.answered(frame);
    } else if (frame.kind === 'error') {
      const stream = this.#streams.get(frame.id);
      this.#streams.delete(frame.id);
      stream?.sink.ended(frame.error);
    }
  }

  /**
   * The server does not know a stream that the hello named, because it never saw the request for
   * it. That was sent again meanwhile, and this is not its answer.
   */
  #isTooEarly(frame: ServerFrame): boolean {
    const isAboutStream = this.#unanswered.has(frame.id) && this.#streams.has(frame.id);
    return isAboutStream && frame.kind === 'error' && frame.error.reason === streamNotFound;
  }

  #delivered(frame: Extract<ServerFrame, { kind: 'deliver' }>): void {
    const stream = this.#streams.get(frame.id);
    // What came before is not taken twice.
    if (stream === undefined || frame.sequence <= stream.sequence) return;
    stream.sequence = frame.sequence;
    stream.sink.delivered(frame);
  }

  #ended(end: ConnectionEnd): void {
    this.#tokens.cancelRenewal();
    this.#connection = undefined;
    const error = errorOfClose(end);
    if (error.reason === sessionTakenOver) this.#sessionId = '';
    const wasOpen = this.#state === 'open';
    const aliveMs = this.#settings.environment.nowMs() - this.#openedMs;
    if (wasOpen && aliveMs >= healthyMs) this.#backoff.reset();
    const mayTokenHelp = this.#settings.hasFreshTokens && error.status === 'UNAUTHENTICATED';
    if (!isWorthResuming(error.status) && !mayTokenHelp) {
      const isForgettable = !wasOpen && this.#sessionId !== '' && error.reason !== protocolError;
      if (!isForgettable) {
        this.close(error);
        return;
      }
      // It was the resuming that was refused: a new session is tried before all is given up.
      this.#sessionId = '';
    }
    this.#wait(error);
    if (end.wasRefused === true && !this.#hadSession) this.#askWhy();
  }

  /** One that never let this client in, and says that it does not mean to, is not asked for ever. */
  #askWhy(): void {
    void refusalOf(this.#url, this.#settings.environment).then((error) => {
      if (error !== undefined && !this.#hadSession) this.close(error);
    });
  }

  #wait(error: SealpostError): void {
    if (this.#state === 'closed') return;
    this.#cancelRetry = this.#settings.environment.schedule(this.#backoff.next(), () => {
      this.#setState('connecting');
      this.#connect();
    });
    this.#setState('waiting', error);
  }
}
