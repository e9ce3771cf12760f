import type { Peer } from './memory-network.ts';
import type { Frame } from './scripted-session.ts';
import type { VirtualClock } from './virtual-clock.ts';

interface Logged {
  readonly id: string;
  readonly data: string;
  readonly orderingKey: string;
}

interface Lease {
  readonly index: number;
  readonly stream: number;
  readonly sequence: number;
  deadlineMs: number;
}

interface ModelSession {
  readonly answers: Map<number, Frame>;
  /** Last sequence sent, by open stream. */
  readonly streams: Map<number, number>;
  readonly subscriptions: Set<number>;
}

export interface ModelChances {
  /** A connection that comes back finds its session gone. */
  readonly loss: () => boolean;
  /** A publish is refused with UNAVAILABLE. */
  readonly refusal: () => boolean;
  /** A stream ends with FAILED_PRECONDITION instead of delivering. */
  readonly revocation: () => boolean;
}

const ackDeadlineMs = 10_000;
const batchMax = 7;

/**
 * The least that docs/websocket.md asks of a server, over one topic and one subscription, with every
 * misfortune that it allows. JSON frames only.
 */
export class ModelSessionServer {
  readonly log: Logged[] = [];
  readonly acknowledged: Set<string> = new Set();
  readonly #clock: VirtualClock;
  readonly #chances: ModelChances;
  readonly #sessions = new Map<string, ModelSession>();
  /** Indices of messages that wait for delivery. */
  #available: number[] = [];
  readonly #leases = new Map<string, Lease>();
  #serial = 0;

  constructor(clock: VirtualClock, chances: ModelChances) {
    this.#clock = clock;
    this.#chances = chances;
  }

  readonly accept: (peer: Peer) => void = (peer) => {
    let session: ModelSession | undefined;
    peer.onMessage = (text) => {
      const frame = JSON.parse(text) as Frame;
      if (session === undefined) session = this.#greet(peer, frame['hello'] as Frame);
      else this.#handle(peer, session, frame);
    };
  };

  #greet(peer: Peer, hello: Frame): ModelSession {
    let sessionId = String(hello['sessionId']);
    let session = this.#sessions.get(sessionId);
    const resumed = session !== undefined && !this.#chances.loss();
    if (session === undefined || !resumed) {
      this.#sessions.delete(sessionId);
      sessionId = `session ${++this.#serial}`;
      session = { answers: new Map(), streams: new Map(), subscriptions: new Set() };
      this.#sessions.set(sessionId, session);
    }
    const limits = { maxFrameBytes: 10_000, maxRequests: 1_000, maxStreams: 100 };
    const welcome = { sessionId, resumed, resumeSeconds: 60, keepAliveSeconds: 30, ...limits };
    this.#say(peer, { welcome });
    if (resumed) this.#repeat(peer, session, hello['streams'] as Frame[]);
    return session;
  }

  #repeat(peer: Peer, session: ModelSession, streams: readonly Frame[]): void {
    for (const position of streams) {
      const stream = Number(position['stream']);
      for (const [ackId, lease] of this.#leases) {
        const isMissed = lease.stream === stream && lease.sequence > Number(position['sequence']);
        if (isMissed) this.#giveBack(ackId);
      }
      if (session.streams.has(stream) || session.answers.has(stream)) continue;
      this.#say(peer, { id: stream, error: { code: 5, reason: 'STREAM_NOT_FOUND' } });
    }
    for (const answer of session.answers.values()) this.#say(peer, answer);
    this.#deliver(peer, session);
  }

  #handle(peer: Peer, session: ModelSession, frame: Frame): void {
    const { id = 0 } = frame;
    const answered = session.answers.get(id);
    if (answered !== undefined) this.#say(peer, answered);
    else if (frame['publish'] !== undefined) this.#publish(peer, session, frame);
    else if (frame['subscribe'] !== undefined) this.#subscribe(peer, session, id);
    else if (frame['unsubscribe'] !== undefined) {
      session.streams.delete(Number((frame['unsubscribe'] as Frame)['stream']));
      this.#say(peer, { id, unsubscribed: {} });
    } else if (frame['ping'] === undefined) this.#settle(peer, session, frame);
    else this.#say(peer, { pong: {} });
    this.#deliver(peer, session);
  }

  #publish(peer: Peer, session: ModelSession, { id = 0, publish }: Frame): void {
    const { messages } = publish as { messages: Record<string, string>[] };
    const answer: Frame = this.#chances.refusal()
      ? { id, error: { code: 14, reason: 'LATER' } }
      : { id, published: { messageIds: messages.map((message) => this.#add(message)) } };
    session.answers.set(id, answer);
    this.#say(peer, answer);
  }

  #add({ data = '', orderingKey = '' }: Record<string, string>): string {
    const id = `m${this.log.length}`;
    this.#available.push(this.log.length);
    this.log.push({ id, data: atob(data), orderingKey });
    return id;
  }

  #subscribe(peer: Peer, session: ModelSession, id: number): void {
    if (!session.streams.has(id)) session.streams.set(id, 0);
    session.subscriptions.add(id);
    this.#say(peer, { id, subscribed: { subscription: 's', ackDeadlineSeconds: 10 } });
  }

  #settle(peer: Peer, session: ModelSession, { id = 0, ...frame }: Frame): void {
    const { stream, ackIds, ackDeadlineSeconds } = (frame['acknowledge'] ??
      frame['modifyAckDeadline']) as {
      stream: number;
      ackIds: string[];
      ackDeadlineSeconds?: number;
    };
    if (!session.subscriptions.has(stream)) {
      this.#say(peer, { id, error: { code: 5, reason: 'STREAM_NOT_FOUND' } });
      return;
    }
    const results = ackIds.map((ackId) => this.#settleOne(ackId, ackDeadlineSeconds));
    this.#say(peer, { id, settled: { results } });
  }

  #settleOne(ackId: string, seconds: number | undefined): string {
    const lease = this.#leases.get(ackId);
    const id = ackId.split('/')[0] ?? '';
    if (lease === undefined) return this.acknowledged.has(id) ? 'DONE' : 'EXPIRED';
    if (seconds === undefined) {
      this.#leases.delete(ackId);
      this.acknowledged.add(id);
    } else if (seconds === 0) this.#giveBack(ackId);
    else lease.deadlineMs = this.#clock.monotonicMs() + seconds * 1_000;
    return 'DONE';
  }

  #deliver(peer: Peer, session: ModelSession): void {
    for (const [ackId, { deadlineMs }] of this.#leases) {
      if (deadlineMs <= this.#clock.monotonicMs()) this.#giveBack(ackId);
    }
    for (const [stream, last] of session.streams) {
      if (this.#available.length === 0) return;
      if (this.#chances.revocation()) {
        session.streams.delete(stream);
        const answer = { id: stream, error: { code: 9, reason: 'KEY_DISABLED' } };
        session.answers.set(stream, answer);
        this.#say(peer, answer);
        continue;
      }
      session.streams.set(stream, last + 1);
      const receivedMessages = this.#available
        .splice(0, batchMax)
        .map((index) => this.#lease(index, stream, last + 1));
      this.#say(peer, { id: stream, deliver: { sequence: last + 1, receivedMessages } });
    }
  }

  #lease(index: number, stream: number, sequence: number): object {
    const { id = '', data = '', orderingKey } = this.log[index] ?? {};
    const ackId = `${id}/${++this.#serial}`;
    const deadlineMs = this.#clock.monotonicMs() + ackDeadlineMs;
    this.#leases.set(ackId, { index, stream, sequence, deadlineMs });
    return { ackId, message: { data: btoa(data), messageId: id, orderingKey } };
  }

  #giveBack(ackId: string): void {
    const lease = this.#leases.get(ackId);
    this.#leases.delete(ackId);
    if (lease !== undefined) this.#available.push(lease.index);
  }

  #say(peer: Peer, frame: Frame): void {
    peer.send(JSON.stringify(frame));
  }
}
