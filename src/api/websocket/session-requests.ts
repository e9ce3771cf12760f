import type { SettleResult } from '../../broker/index.ts';
import { limits as brokerLimits } from '../../broker/index.ts';
import { RpcError } from '../../rpc/index.ts';
import { domainOf, type WireError } from '../error-mapping.ts';
import { checkSubscriptionName, checkTopicName } from '../pubsub/validation.ts';
import type { Answer } from './answer-memory.ts';
import type { Connection } from './connection.ts';
import type {
  ClientFrame,
  PublishFrame,
  SettleFrame,
  Subscribed,
  SubscribeFrame,
} from './frames.ts';
import { webSocketLimits as limits } from './limits.ts';
import type { SessionCaller } from './caller/session-caller.ts';
import type { StreamSet } from './stream-set.ts';
import type { Surroundings } from './surroundings.ts';

const publishRpc = 'sealpost.v1.WebSocket.Publish';
const subscribeRpc = 'sealpost.v1.WebSocket.Subscribe';
const acknowledgeRpc = 'sealpost.v1.WebSocket.Acknowledge';
const modifyRpc = 'sealpost.v1.WebSocket.ModifyAckDeadline';

/** Of every error that a session answers. */
export const errorDomain: string = domainOf(publishRpc);

/** What requests ask of their session. */
export interface RequestHost {
  readonly connection: Connection | null;
  readonly caller: SessionCaller;
  readonly streams: StreamSet;
  began(): void;
  finished(): void;
  /** Sends an answer, and remembers it until the client has it. */
  answer(id: number, answer: Answer): void;
  /** False if there is none to this request. */
  answerAgain(id: number): boolean;
  wireError(error: unknown): WireError;
}

/** A subscribe on its way; `unsubscribe` may overtake it. */
interface Opening {
  readonly isEphemeral: boolean;
  isCancelled: boolean;
}

/** The requests of one session, begun in their order. */
export class SessionRequests {
  readonly #host: RequestHost;
  readonly #surroundings: Surroundings;
  /** Publishes under way: one that is sent again has its answer coming. */
  readonly #publishing: Set<number> = new Set();
  readonly #opening: Map<number, Opening> = new Map();

  constructor(host: RequestHost, surroundings: Surroundings) {
    this.#host = host;
    this.#surroundings = surroundings;
  }

  /** Throws what ends the session. */
  receive(frame: ClientFrame): void {
    switch (frame.kind) {
      case 'publish':
        return this.#publish(frame);
      case 'settle':
        return this.#settle(frame);
      case 'subscribe':
        return void this.#subscribe(frame);
      case 'unsubscribe':
        return this.#unsubscribe(frame.id, frame.stream);
      case 'ping':
        return this.#pong(frame.id);
      case 'refused':
        return this.#refuse(frame.id, frame.error);
      default:
        throw helloAgain();
    }
  }

  /** The session is over: what is still being opened is closed again. */
  close(): void {
    for (const opening of this.#opening.values()) opening.isCancelled = true;
  }

  #publish({ id, topic, messages }: PublishFrame): void {
    if (this.#publishing.has(id) || this.#host.answerAgain(id)) return;
    const { broker, clock } = this.#surroundings;
    const startedMs = clock.monotonicMs();
    try {
      this.#host.caller.requirePublish(topic);
      checkTopicName(topic);
    } catch (error) {
      this.#observe(publishRpc, error, startedMs);
      this.#host.answer(id, { error: this.#host.wireError(error) });
      return;
    }
    this.#publishing.add(id);
    this.#host.began();
    broker.publish(topic, messages).then(
      (messageIds) => this.#published(id, { messageIds }, null, startedMs),
      (error) => this.#published(id, { error: this.#host.wireError(error) }, error, startedMs),
    );
  }

  #published(id: number, answer: Answer, error: unknown, startedMs: number): void {
    this.#publishing.delete(id);
    this.#observe(publishRpc, error, startedMs);
    this.#host.answer(id, answer);
    this.#host.finished();
  }

  #settle(frame: SettleFrame): void {
    const rpc = frame.deadlineSeconds === null ? acknowledgeRpc : modifyRpc;
    const startedMs = this.#surroundings.clock.monotonicMs();
    const subscription = this.#host.streams.subscriptionOf(frame.stream);
    if (subscription === undefined) {
      this.#settled(frame.id, rpc, startedMs, streamNotFound());
      return;
    }
    if (frame.ackIds.some((ackId) => ackId.length > limits.ackIdCharsMax)) {
      this.#settled(frame.id, rpc, startedMs, ackIdTooLong());
      return;
    }
    if (frame.id === 0) {
      this.#settleSilently(subscription, frame);
      this.#observe(rpc, null, startedMs);
      return;
    }
    this.#host.began();
    this.#settleEach(subscription, frame).then(
      (results) => {
        const { connection } = this.#host;
        connection?.send(connection.codec.settled(frame.id, results));
        this.#observe(rpc, null, startedMs);
        this.#host.finished();
      },
      (error) => {
        this.#settled(frame.id, rpc, startedMs, error);
        this.#host.finished();
      },
    );
  }

  #settleSilently(subscription: string, { ackIds, deadlineSeconds }: SettleFrame): void {
    const { broker } = this.#surroundings;
    if (deadlineSeconds === null) broker.streamAcknowledge(subscription, ackIds);
    else {
      const seconds = ackIds.map(() => deadlineSeconds);
      broker.streamModifyAckDeadline(subscription, ackIds, seconds);
    }
  }

  #settleEach(subscription: string, frame: SettleFrame): Promise<SettleResult[]> {
    const { broker } = this.#surroundings;
    const { ackIds, deadlineSeconds } = frame;
    return deadlineSeconds === null
      ? broker.acknowledgeEach(subscription, ackIds)
      : broker.modifyAckDeadlineEach(subscription, ackIds, deadlineSeconds);
  }

  #settled(id: number, rpc: string, startedMs: number, error: unknown): void {
    this.#observe(rpc, error, startedMs);
    if (id !== 0) this.#refuse(id, error);
  }

  async #subscribe(frame: SubscribeFrame): Promise<void> {
    const { id } = frame;
    const { streams } = this.#host;
    const known = streams.get(id);
    if (known !== undefined) known.greetAgain();
    if (known !== undefined || this.#opening.has(id) || this.#host.answerAgain(id)) return;
    const startedMs = this.#surroundings.clock.monotonicMs();
    const opening: Opening = { isEphemeral: frame.topic !== '', isCancelled: false };
    this.#host.began();
    let error: unknown = null;
    try {
      this.#checkSubscribe(frame);
      this.#opening.set(id, opening);
      await this.#open(frame, opening);
    } catch (thrown) {
      error = thrown;
      if (!opening.isCancelled) this.#host.answer(id, { error: this.#host.wireError(thrown) });
    }
    this.#opening.delete(id);
    this.#observe(subscribeRpc, error, startedMs);
    this.#host.finished();
  }

  #checkSubscribe({ topic, subscription }: SubscribeFrame): void {
    const { caller, streams } = this.#host;
    caller.requireSubscribe(sourceOf({ topic, subscription }));
    if (topic === '') checkSubscriptionName(subscription);
    else checkTopicName(topic);
    const opening = [...this.#opening.values()];
    if (streams.size + opening.length >= limits.streamsMax) throw tooMany('streams');
    if (topic === '') return;
    const coming = opening.filter(({ isEphemeral }) => isEphemeral).length;
    if (streams.ephemeralCount + coming >= limits.ephemeralSubscriptionsMax) {
      throw tooMany('ephemeral subscriptions');
    }
  }

  async #open(frame: SubscribeFrame, opening: Opening): Promise<void> {
    const { streams } = this.#host;
    const subscribed = await this.#subscribed(frame);
    // `unsubscribe` came in the meantime, and was answered.
    if (opening.isCancelled) streams.discard(subscribed);
    else await this.#openStream(frame, subscribed);
  }

  /** What a policy took away meanwhile is not given. */
  async #openStream(frame: SubscribeFrame, subscribed: Subscribed): Promise<void> {
    const { caller, streams } = this.#host;
    const error = caller.refusalOf(sourceOf(frame));
    if (error === undefined) return await streams.open(frame.id, sourceOf(frame), subscribed);
    streams.discard(subscribed);
    throw error;
  }

  async #subscribed(frame: SubscribeFrame): Promise<Subscribed> {
    const { broker } = this.#surroundings;
    const { topic, ackDeadlineSeconds, outstandingMessagesMax, outstandingBytesMax } = frame;
    const row =
      topic === ''
        ? await broker.getSubscription(frame.subscription)
        : await broker.createEphemeralSubscription(
            topic,
            ackDeadlineSeconds === 0 ? brokerLimits.ackDeadlineSecondsMin : ackDeadlineSeconds,
          );
    return {
      subscription: row.name,
      ephemeral: topic !== '',
      ackDeadlineSeconds: ackDeadlineSeconds === 0 ? row.ackDeadlineSeconds : ackDeadlineSeconds,
      maxOutstandingMessages: atMost(outstandingMessagesMax, limits.outstandingMessagesMax),
      maxOutstandingBytes: atMost(outstandingBytesMax, limits.outstandingBytesMax),
      ...(row.enableExactlyOnceDelivery === true ? { exactlyOnceDeliveryEnabled: true } : {}),
      ...(row.enableMessageOrdering === true ? { messageOrderingEnabled: true } : {}),
    };
  }

  #unsubscribe(id: number, streamId: number): void {
    const { streams, connection } = this.#host;
    const opening = this.#opening.get(streamId);
    if (opening !== undefined) opening.isCancelled = true;
    streams.close(streamId);
    connection?.send(connection.codec.unsubscribed(id));
  }

  #pong(id: number): void {
    const { connection } = this.#host;
    connection?.send(connection.codec.pong(id));
  }

  #refuse(id: number, error: unknown): void {
    const { connection } = this.#host;
    connection?.send(connection.codec.error(id, this.#host.wireError(error)));
  }

  #observe(rpc: string, error: unknown, startedMs: number): void {
    const code = error === null ? 'OK' : RpcError.from(error).code;
    this.#surroundings.observe(rpc, code, this.#surroundings.clock.monotonicMs() - startedMs);
  }
}

/** What a token has to grant. */
const sourceOf = (frame: { readonly topic: string; readonly subscription: string }): string =>
  frame.topic === '' ? frame.subscription : frame.topic;

/** 0, the default, is the most. */
const atMost = (asked: number, max: number): number => (asked === 0 ? max : Math.min(asked, max));

const helloAgain = (): RpcError =>
  new RpcError('INVALID_ARGUMENT', 'HELLO_UNEXPECTED', 'Only the first frame may be a hello.');

export const streamNotFound = (): RpcError =>
  new RpcError('NOT_FOUND', 'STREAM_NOT_FOUND', 'The session has no such stream.');

const ackIdTooLong = (): RpcError =>
  new RpcError(
    'INVALID_ARGUMENT',
    'BAD_ACK_ID',
    `An ack ID has at most ${limits.ackIdCharsMax} characters.`,
  );

const tooMany = (what: string): RpcError =>
  new RpcError(
    'RESOURCE_EXHAUSTED',
    'TOO_MANY_STREAMS',
    `The session has as many ${what} as it may.`,
  );
