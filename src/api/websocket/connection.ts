import type { Socket } from 'node:net';

import type { WebSocket } from 'ws';

import { RpcError } from '../../rpc/index.ts';
import { resetConnection, type Cancel } from '../../runtime/index.ts';
import { brokenConnection, closeOf, closeOfViolation, isFarewell } from '../close-mapping.ts';
import { budgetMessage } from '../request-budget.ts';
import type { ClientFrame, FrameCodec, OutgoingFrame } from './frames.ts';
import { Inbox, type HoldCause } from './inbox.ts';
import { KeepAlive, type Watched } from './keep-alive.ts';
import { webSocketLimits as limits } from './limits.ts';
import { Outbox } from './outbox.ts';
import type { Surroundings } from './surroundings.ts';

/** Who works with what a connection brings: first the greeter, then a session. */
export interface ConnectionOwner {
  /** What it throws ends the session. */
  frame(frame: ClientFrame): void;
  /** Everything sent before this ping has arrived. */
  confirmed(ping: number): void;
  /** The client took some of what waited. */
  drained(): void;
  ping(): void;
  /** `isFinal`: it was closed for good by either side; else it broke. */
  closed(connection: Connection, isFinal: boolean): void;
}

/** One WebSocket connection: frames in, frames out, and what holds them up. */
export class Connection implements Watched {
  readonly codec: FrameCodec;
  readonly socket: Socket;
  readonly #ws: WebSocket;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #surroundings: Surroundings;
  #owner: ConnectionOwner;
  #keepAlive: KeepAlive | null = null;
  #cancelHello: Cancel | null;
  #lastPing = 0;
  #isWelcomed = false;
  #isClosing = false;
  #isViolated = false;
  #closeCode = brokenConnection;

  constructor(
    ws: WebSocket,
    socket: Socket,
    codec: FrameCodec,
    surroundings: Surroundings,
    ownerOf: (connection: Connection) => ConnectionOwner,
  ) {
    const { clock, observer, unsent, budget } = surroundings;
    this.#ws = ws;
    this.socket = socket;
    this.codec = codec;
    this.#surroundings = surroundings;
    this.#outbox = new Outbox(ws, socket, {
      isBinary: codec.isBinary,
      unsent,
      onProgress: this.#progress,
      onFrame: (bytes) => observer.sent(bytes),
    });
    this.#inbox = new Inbox(ws, socket, budget, (message) => this.#handle(message));
    this.#cancelHello = clock.schedule(clock.monotonicMs() + limits.helloTimeoutMs, () =>
      this.fail(helloMissing()),
    );
    this.#owner = ownerOf(this);
    ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on('pong', (data) => this.#pong(data));
    ws.on('close', (code) => this.#closed(code));
    ws.on('error', (error) => this.#violated(error));
  }

  /** It is over, or about to be. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  get unsentBytes(): number {
    return this.#outbox.unsentBytes;
  }

  get isHeldByUs(): boolean {
    return this.#inbox.isHeldByUs;
  }

  get messageCount(): number {
    return this.#inbox.messageCount;
  }

  get isPartial(): boolean {
    return this.#inbox.isPartial;
  }

  /** The client has said hello: what it sends from now on is the session's. */
  welcome(owner: ConnectionOwner, isResumed: boolean): void {
    this.#cancelHello?.();
    this.#cancelHello = null;
    this.#owner = owner;
    this.#isWelcomed = true;
    this.#keepAlive = new KeepAlive(this, this.#surroundings.clock);
    this.#surroundings.observer.connected(this.codec.subprotocol, isResumed);
  }

  send(frame: OutgoingFrame): void {
    this.#outbox.add(frame);
    this.#holdIfFull();
  }

  /** Opened messages, which must not leave late once their subscription's key was revoked. */
  sendOpened(frame: OutgoingFrame, subscription: string): void {
    this.#outbox.addOpened(frame, subscription);
    this.#holdIfFull();
  }

  hold(cause: HoldCause): void {
    const isNew = this.#inbox.hold(cause);
    if (isNew && (cause === 'requests' || cause === 'unread')) {
      this.#surroundings.observer.held(cause);
    }
  }

  release(cause: HoldCause): void {
    this.#inbox.release(cause);
  }

  /** Asks the client to confirm what it was sent; the ping has this number. */
  sendPing(ping: number): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#outbox.flush();
    this.#lastPing = ping;
    this.#ws.ping(String(ping));
  }

  ping(): void {
    this.#owner.ping();
  }

  lost(): void {
    resetConnection(this.socket);
  }

  /** It was closed; a client that does not read that very soon loses what is on its way. */
  loseSoon(): void {
    const { clock } = this.#surroundings;
    clock.schedule(clock.monotonicMs() + limits.revokedFlushMs, () => {
      if (!this.socket.destroyed) this.lost();
    });
  }

  stalled(): void {
    this.fail(this.#inbox.isHeldByUs ? overloaded() : messageTimeout());
  }

  /** Ends the session with what was thrown. */
  fail(thrown: unknown): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { code, reason } = closeOf(thrown);
    const { log } = this.#surroundings;
    if (RpcError.from(thrown).code === 'INTERNAL') log.error({ err: thrown }, 'session failed');
    this.#closeCode = code;
    this.#outbox.flush();
    this.#ws.close(code, reason);
    this.#inbox.close();
    this.#owner.closed(this, true);
  }

  #holdIfFull(): void {
    if (this.#outbox.unsentBytes >= limits.unsentBytesMax) this.hold('unread');
  }

  readonly #progress = (): void => {
    if (this.#outbox.unsentBytes > limits.unsentBytesResume) return;
    this.#inbox.release('unread');
    this.#owner.drained();
  };

  #receive(message: Buffer, isBinary: boolean): void {
    this.#surroundings.observer.received(message.length);
    if (this.#isClosing) return;
    if (isBinary === this.codec.isBinary) this.#inbox.accept(message);
    else this.fail(wrongKind(this.codec));
  }

  #handle(message: Buffer): void {
    if (this.#isClosing) return;
    try {
      this.#owner.frame(this.codec.decode(message));
    } catch (error) {
      this.fail(error);
    }
  }

  /** A pong that answers no ping of ours confirms nothing. */
  #pong(data: Buffer): void {
    this.#keepAlive?.heard();
    const ping = Number(data.toString('latin1'));
    if (Number.isInteger(ping) && ping > 0 && ping <= this.#lastPing) this.#owner.confirmed(ping);
  }

  /** `ws` closes with the fitting code by itself; 'close' follows. */
  #violated(error: Error & { code?: string }): void {
    const code = closeOfViolation(error.code ?? '');
    if (code === undefined) return;
    this.#isViolated = true;
    this.#closeCode = code;
  }

  #closed(code: number): void {
    this.#cancelHello?.();
    this.#keepAlive?.stop();
    this.#inbox.close();
    this.#outbox.close();
    if (!this.#isClosing) {
      this.#isClosing = true;
      if (!this.#isViolated) this.#closeCode = code;
      this.#owner.closed(this, this.#isViolated || isFarewell(code));
    }
    if (!this.#isWelcomed) return;
    this.#surroundings.observer.disconnected(this.codec.subprotocol, this.#closeCode);
  }
}

const helloMissing = (): RpcError =>
  new RpcError('DEADLINE_EXCEEDED', 'HELLO_TIMEOUT', 'The first frame did not come in time.');

const messageTimeout = (): RpcError =>
  new RpcError('DEADLINE_EXCEEDED', 'MESSAGE_TIMEOUT', 'A message began and did not end in time.');

const overloaded = (): RpcError =>
  new RpcError('RESOURCE_EXHAUSTED', 'REQUEST_BYTES_EXHAUSTED', budgetMessage);

const wrongKind = (codec: FrameCodec): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'WRONG_FRAME_KIND',
    `${codec.subprotocol} has ${codec.isBinary ? 'binary' : 'text'} messages only.`,
  );
