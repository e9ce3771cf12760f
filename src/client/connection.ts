import type { Environment } from './environment.ts';
import type { WebSocketConstructor, WebSocketEvent, WebSocketLike } from './web-socket.ts';
import type { Codec, HelloRequest, OutgoingFrame, ServerFrame, Welcome } from './wire/frame.ts';

/** How a connection ended: the WebSocket close code, and the server's words or ours. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  /** There never was a WebSocket: nobody answered, or not with an upgrade. */
  readonly wasRefused?: boolean;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly codec: Codec;
  readonly environment: Environment;
  readonly hello: HelloRequest;
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onFrame: (frame: ServerFrame) => void;
  /** The last call of all, unless `close` was called before. */
  readonly onEnd: (end: ConnectionEnd) => void;
}

/** Where no close frame came: the connection broke. */
const broken = 1006;
/** What a client sends that goes for good; browsers let pages send no other standard code. */
const farewell = 1000;
/** What one sends that comes back: after a farewell the server would forget the session. */
const comingBack = 4000;

/** One WebSocket from its opening to its end, and whether there is life at the other side. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocketLike;
  #isOver = false;
  #isOpen = false;
  #isWelcome = false;
  #heardMs: number;
  #silenceMaxMs = 0;
  #cancelTimer: () => void;

  constructor(options: ConnectionOptions) {
    const { environment, connectTimeoutMs, codec } = options;
    this.#options = options;
    this.#heardMs = environment.nowMs();
    this.#cancelTimer = environment.schedule(connectTimeoutMs, () =>
      this.#end({ code: broken, reason: 'The server did not answer in time.' }),
    );
    this.#socket = new options.WebSocket(options.url, [codec.subprotocol]);
    this.#listen();
  }

  send(frame: OutgoingFrame): void {
    if (!this.#isOver) this.#socket.send(frame);
  }

  /** Ends it from our side. Nothing is called any more. */
  close({ isFarewell }: { readonly isFarewell: boolean }): void {
    this.#stop();
    this.#socket.close(isFarewell ? farewell : comingBack);
  }

  #listen(): void {
    const unlessOver =
      (listener: (event: WebSocketEvent) => void) =>
      (event: WebSocketEvent): void => {
        if (!this.#isOver) listener(event);
      };
    // Types of events differ between libraries: what is called with them is assigned untyped.
    Object.assign(this.#socket, {
      binaryType: 'arraybuffer',
      onopen: unlessOver(() => {
        this.#isOpen = true;
        this.send(this.#options.codec.hello(this.#options.hello));
      }),
      onmessage: unlessOver(({ data }) => this.#receive(data)),
      onclose: unlessOver(({ code, reason }) =>
        this.#end({ code: code ?? broken, reason: reason ?? '' }),
      ),
      // A failure is always followed by a close; what browsers say of it is nothing.
      onerror: () => undefined,
    });
  }

  #receive(data: unknown): void {
    this.#heardMs = this.#options.environment.nowMs();
    let frame: ServerFrame;
    try {
      frame = this.#options.codec.decode(data);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#end({ code: broken, reason: `The server sent what is no frame: ${reason}` });
      return;
    }
    if (frame.kind === 'welcome') this.#welcome(frame);
    else if (this.#isWelcome) this.#options.onFrame(frame);
  }

  #welcome(welcome: Welcome): void {
    if (this.#isWelcome) return;
    this.#isWelcome = true;
    this.#silenceMaxMs = Math.max(1, welcome.keepAliveSeconds) * 1_000;
    this.#cancelTimer();
    this.#watch(this.#options.keepAliveMs);
    this.#options.onWelcome(welcome);
  }

  #watch(delayMs: number): void {
    this.#cancelTimer = this.#options.environment.schedule(delayMs, () => this.#checkLife());
  }

  /** After a silence asks for a sign of life, and ends the connection if none comes. */
  #checkLife(): void {
    const { environment, keepAliveMs, codec } = this.#options;
    const silentMs = environment.nowMs() - this.#heardMs;
    if (silentMs < keepAliveMs) {
      this.#watch(keepAliveMs - silentMs);
      return;
    }
    const askedMs = environment.nowMs();
    this.send(codec.ping());
    this.#cancelTimer = environment.schedule(this.#silenceMaxMs, () => {
      if (this.#heardMs >= askedMs) this.#checkLife();
      else this.#end({ code: broken, reason: 'Nothing was heard of the server.' });
    });
  }

  #end(end: ConnectionEnd): void {
    if (this.#isOver) return;
    // On a dead connection this never completes, and nobody waits for it.
    this.close({ isFarewell: false });
    this.#options.onEnd({ ...end, wasRefused: !this.#isOpen });
  }

  #stop(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }
}
