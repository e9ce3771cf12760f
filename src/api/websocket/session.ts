import { draining, type Delivery } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Cancel } from '../../runtime/index.ts';
import { credentialsRefused } from '../access/credentials-refused.ts';
import { toWireError, type WireError } from '../error-mapping.ts';
import { AnswerMemory, type Answer } from './answer-memory.ts';
import type { Connection, ConnectionOwner } from './connection.ts';
import type { ClientFrame } from './frames.ts';
import { webSocketLimits as limits } from './limits.ts';
import type { SessionCaller } from './caller/session-caller.ts';
import {
  errorDomain,
  SessionRequests,
  streamNotFound,
  type RequestHost,
} from './session-requests.ts';
import type { SessionStream } from './session-stream.ts';
import { StreamSet, type StreamOwner } from './stream-set.ts';
import type { Surroundings } from './surroundings.ts';

/** What the registry of sessions is told. */
export interface SessionHost {
  streamsChanged(change: number): void;
  /** Its connection broke: it waits for its client. */
  detached(session: Session): void;
  ended(session: Session): void;
}

/** Of a key, and of a permission: messages that are on their way shall not arrive. */
const revocations: ReadonlySet<string> = new Set(['FAILED_PRECONDITION', 'PERMISSION_DENIED']);

/** Bytes that one remembered answer or ack id takes, about. */
const rememberedBytes = 160;

/**
 * One client's work: its requests, its streams, and what it may have missed. Outlives its connection
 * for a while.
 */
export class Session implements ConnectionOwner, StreamOwner, RequestHost {
  readonly id: string;
  readonly streams: StreamSet;
  readonly #surroundings: Surroundings;
  readonly #host: SessionHost;
  readonly #requests: SessionRequests;
  readonly #answers: AnswerMemory = new AnswerMemory();
  caller: SessionCaller;
  connection: Connection | null = null;
  readonly #stopReviews: () => void;
  #cancelExpiry: Cancel | null = null;
  #cancelRepeated: Cancel | null = null;
  #requestCount = 0;
  /** Pings so far; the last one's number. */
  #pings = 0;
  #confirmedPing = 0;
  #isAsking = false;
  /** Since the last ping. */
  #unaskedCount = 0;
  #unaskedBytes = 0;
  #unconfirmedMessages = 0;
  #isDraining = false;
  #isEnded = false;

  constructor(id: string, caller: SessionCaller, surroundings: Surroundings, host: SessionHost) {
    this.id = id;
    this.caller = caller;
    this.#surroundings = surroundings;
    this.#host = host;
    this.streams = new StreamSet(this, surroundings, (change) => host.streamsChanged(change));
    this.#requests = new SessionRequests(this, surroundings);
    this.#stopReviews = caller.watch(() => this.#review());
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** About what it keeps in memory for its client's return. */
  get rememberedBytes(): number {
    return (16 + this.#unconfirmedMessages + this.#answers.size) * rememberedBytes;
  }

  /** A client to send to, and room on its connection. */
  get hasRoom(): boolean {
    return (
      this.connection !== null &&
      !this.#isDraining &&
      this.connection.unsentBytes < limits.unsentBytesMax &&
      this.#unconfirmedMessages < limits.unconfirmedMax
    );
  }

  /** A new client, or one that is back; `positions` are those of its streams that missed something. */
  attach(
    connection: Connection,
    caller: SessionCaller,
    positions: ReadonlyMap<number, number> | null,
  ): void {
    const former = this.connection;
    this.connection = connection;
    this.caller = caller;
    former?.fail(resumedElsewhere());
    this.#watchExpiry(caller);
    connection.welcome(this, positions !== null);
    connection.send(
      connection.codec.welcome({
        sessionId: this.id,
        resumed: positions !== null,
        resumeSeconds: limits.resumeMs / 1_000,
        keepAliveSeconds: limits.answerTimeoutMs / 1_000,
        maxFrameBytes: limits.frameBytesMax,
        maxRequests: limits.requestsMax,
        maxStreams: limits.streamsMax,
      }),
    );
    if (positions !== null) this.#repeat(connection, positions);
    this.streams.keepAllowed(caller);
    if (this.#requestCount >= limits.requestsMax) connection.hold('requests');
    this.streams.pump();
  }

  frame(frame: ClientFrame): void {
    this.#requests.receive(frame);
  }

  ping(): void {
    this.#isAsking = true;
    this.#unaskedCount = 0;
    this.#unaskedBytes = 0;
    this.connection?.sendPing(++this.#pings);
  }

  confirmed(ping: number): void {
    this.#confirmedPing = Math.max(this.#confirmedPing, ping);
    this.#answers.confirm(ping);
    this.#unconfirmedMessages -= this.streams.confirm(ping);
    if (ping === this.#pings) this.#isAsking = false;
    this.#askIfMany();
    this.streams.pump();
  }

  drained(): void {
    this.streams.pump();
  }

  closed(connection: Connection, isFinal: boolean): void {
    if (connection !== this.connection) return;
    this.connection = null;
    this.#isAsking = false;
    if (isFinal || this.#isDraining) this.end();
    else this.#host.detached(this);
  }

  /** Nothing new is begun; the session ends when all that was asked is answered. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.streams.closeAll();
    if (this.connection === null) this.end();
    else if (this.#requestCount === 0) this.connection.fail(draining());
    else this.connection.hold('draining');
  }

  /** For good: streams are closed, what nobody confirmed is given back, ephemeral subscriptions go. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopReviews();
    this.#cancelExpiry?.();
    this.#cancelRepeated?.();
    this.#requests.close();
    this.streams.endAll();
    this.#host.ended(this);
  }

  began(): void {
    if (++this.#requestCount >= limits.requestsMax) this.connection?.hold('requests');
  }

  finished(): void {
    this.#requestCount--;
    if (this.#isDraining && this.#requestCount === 0) this.connection?.fail(draining());
    else if (this.#requestCount < limits.requestsMax) this.connection?.release('requests');
  }

  answer(id: number, answer: Answer): void {
    this.#answers.remember(id, answer, this.#pings + 1);
    this.#send(id, answer);
    this.#added(1, 'messageIds' in answer ? 32 * answer.messageIds.length : rememberedBytes);
  }

  answerAgain(id: number): boolean {
    const answer = this.#answers.find(id);
    if (answer !== undefined) this.#send(id, answer);
    return answer !== undefined;
  }

  greet({ id, subscribed }: SessionStream): void {
    this.connection?.send(this.connection.codec.subscribed(id, subscribed));
  }

  deliver(stream: SessionStream, sequence: number, batch: readonly Delivery[]): number {
    const ping = this.#pings + 1;
    const { connection } = this;
    if (connection === null) return ping;
    const frame = connection.codec.deliver(stream.id, sequence, batch);
    connection.sendOpened(frame, stream.subscription);
    this.#unconfirmedMessages += batch.length;
    this.#added(batch.length, frame.length);
    return ping;
  }

  failed({ id }: SessionStream, error: unknown, unconfirmedCount: number): void {
    const wire = this.wireError(error);
    this.answer(id, { error: wire });
    if (revocations.has(wire.code) && unconfirmedCount > 0) this.#cutUnlessConfirmed();
  }

  forgot(unconfirmedCount: number): void {
    this.#unconfirmedMessages -= unconfirmedCount;
  }

  wireError(error: unknown): WireError {
    const wire = toWireError(error, errorDomain);
    if (wire.code === 'INTERNAL') this.#surroundings.log.error({ err: error }, 'request failed');
    return wire;
  }

  /**
   * A key was revoked, and opened messages may be on their way still, in buffers of the system: a
   * client that does not have them very soon shall not have them.
   */
  #cutUnlessConfirmed(): void {
    const { connection } = this;
    if (connection === null) return;
    this.ping();
    const ping = this.#pings;
    const { clock } = this.#surroundings;
    clock.schedule(clock.monotonicMs() + limits.revokedFlushMs, () => {
      if (this.connection === connection && this.#confirmedPing < ping) connection.lost();
    });
  }

  /** What the client may have missed, and what became of its streams. */
  #repeat(connection: Connection, positions: ReadonlyMap<number, number>): void {
    this.#unconfirmedMessages -= this.streams.rewind(positions);
    const nowMs = this.#surroundings.clock.monotonicMs();
    for (const [id, answer] of this.#answers.repeat(nowMs)) this.#send(id, answer);
    for (const id of positions.keys()) {
      if (this.streams.get(id) !== undefined || this.#answers.find(id) !== undefined) continue;
      connection.send(connection.codec.error(id, this.wireError(streamNotFound())));
    }
    this.#forgetLater();
  }

  /** What is repeated now is remembered for at least as long as a session may be resumed. */
  #forgetLater(): void {
    if (this.#cancelRepeated !== null || !this.#answers.hasRepeated) return;
    const { clock } = this.#surroundings;
    this.#cancelRepeated = clock.schedule(clock.monotonicMs() + limits.resumeMs, () => {
      this.#cancelRepeated = null;
      this.#answers.forgetRepeated(clock.monotonicMs());
      this.#forgetLater();
    });
  }

  #send(id: number, answer: Answer): void {
    const { connection } = this;
    if (connection === null) return;
    const { codec } = connection;
    connection.send(
      'error' in answer ? codec.error(id, answer.error) : codec.published(id, answer.messageIds),
    );
  }

  #added(count: number, bytes: number): void {
    this.#unaskedCount += count;
    this.#unaskedBytes += bytes;
    this.#askIfMany();
  }

  #askIfMany(): void {
    if (this.#isAsking || this.connection === null) return;
    const { unconfirmedAsk, unconfirmedBytesAsk } = limits;
    if (this.#unaskedCount < unconfirmedAsk && this.#unaskedBytes < unconfirmedBytesAsk) return;
    this.ping();
  }

  /** A policy, or who is believed, has changed. */
  #review(): void {
    if (this.caller.principal.isValid()) return this.streams.keepAllowed(this.caller);
    const { connection } = this;
    if (connection === null) return this.end();
    const mayBeUnderWay = this.#unconfirmedMessages > 0;
    connection.fail(credentialsRefused());
    // What the system still holds is for a client who may have nothing more.
    if (mayBeUnderWay) connection.loseSoon();
  }

  #watchExpiry({ expiresAtMs }: SessionCaller): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = null;
    if (expiresAtMs === Infinity) return;
    const { clock } = this.#surroundings;
    const leftMs = expiresAtMs - clock.wallMs();
    this.#cancelExpiry = clock.schedule(clock.monotonicMs() + leftMs, () => {
      if (this.connection === null) this.end();
      else this.connection.fail(tokenExpired());
    });
  }
}

const resumedElsewhere = (): RpcError =>
  new RpcError('ABORTED', 'SESSION_TAKEN_OVER', 'The session was resumed on another connection.');

const tokenExpired = (): RpcError =>
  new RpcError('UNAUTHENTICATED', 'TOKEN_EXPIRED', 'The token has expired.');
