import { RpcError, type StatusCode } from '../rpc/index.ts';
import { Consumer } from './delivery/consumer.ts';
import { pullOnce } from './delivery/pull-once.ts';
import { limits, tooLarge, tooSmall } from './limits.ts';
import { StreamPace } from './quotas/stream-pace.ts';
import type { Registry } from './registry.ts';
import type {
  Delivery,
  PullRequest,
  PullStream,
  SettleResult,
  StreamSettings,
  StreamSink,
} from './service.ts';
import type { SubscriptionState } from './subscription-state.ts';

/** One turn of a stream. */
const turnBytes = 256 * 1024;

type Via = 'pull' | 'streaming pull';

/** What subscribers call: taking messages, and settling what was taken. */
export class SubscriberCalls {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async pull<Reply>(
    subscription: string,
    request: PullRequest,
    take: (batch: readonly Delivery[]) => Reply,
  ): Promise<Reply> {
    const { clock, observer } = this.#registry.ports;
    const startedMs = clock.monotonicMs();
    try {
      this.#registry.refuseWhenDraining();
      checkPull(request);
      const state = this.#use(subscription);
      const { throughput } = this.#registry;
      throughput.requirePull(subscription);
      const reply = await pullOnce(state, request, { clock }, (batch) => {
        throughput.delivered(subscription, bytesOf(batch));
        return take(batch);
      });
      observer.pull(subscription, 'OK', clock.monotonicMs() - startedMs);
      return reply;
    } catch (error) {
      observer.pull(subscription, RpcError.from(error).code, clock.monotonicMs() - startedMs);
      throw error;
    }
  }

  async openStream(
    subscription: string,
    settings: StreamSettings,
    sink: StreamSink,
  ): Promise<PullStream> {
    this.#registry.refuseWhenDraining();
    const { observer } = this.#registry.ports;
    const state = this.#use(subscription);
    const pace: StreamPace = new StreamPace(this.#registry.ports.clock, () => {
      state.resume(consumer);
    });
    const consumer = this.#consumer(state, settings, sink, pace);
    try {
      await state.attach(consumer);
    } catch (error) {
      observer.streamingPullResponse(subscription, RpcError.from(error).code);
      throw error;
    }
    return {
      get properties() {
        const { enableExactlyOnceDelivery, enableMessageOrdering } = state.row;
        return {
          exactlyOnce: enableExactlyOnceDelivery === true,
          ordering: enableMessageOrdering === true,
        };
      },
      resume: () => pace.transportResumed(),
      setAckDeadline: (seconds) => {
        consumer.ackDeadlineMs = seconds * 1000;
      },
      close: () => {
        pace.close();
        state.detach(consumer);
      },
    };
  }

  #consumer(
    state: SubscriptionState,
    settings: StreamSettings,
    sink: StreamSink,
    pace: StreamPace,
  ): Consumer {
    const { throughput, ports } = this.#registry;
    const { observer } = ports;
    const { name } = state.row;
    const consumer: Consumer = new Consumer({
      type: 'streaming pull',
      clientId: settings.clientId,
      limits: {
        messagesMax: orUnlimited(settings.outstandingMessagesMax),
        bytesMax: orUnlimited(settings.outstandingBytesMax),
        turnBytes,
      },
      ackDeadlineMs: settings.ackDeadlineSeconds * 1000,
      deliver: (batch) => {
        observer.streamingPullResponse(name, 'OK');
        const isReady = sink.deliver(batch);
        return pace.delivered(isReady, throughput.delivered(name, bytesOf(batch)));
      },
      fail: (error) => {
        observer.streamingPullResponse(name, RpcError.from(error).code);
        pace.close();
        state.detach(consumer);
        sink.fail(error);
      },
    });
    return consumer;
  }

  async acknowledge(name: string, ackIds: readonly string[]): Promise<void> {
    await this.#toldAck(name, 'pull', undefined, (state) => state.settler.acknowledge(ackIds));
  }

  async acknowledgeEach(name: string, ackIds: readonly string[]): Promise<SettleResult[]> {
    return await this.#toldAck(name, 'streaming pull', allDone(ackIds), (state) =>
      state.settler.acknowledgeEach(ackIds),
    );
  }

  /** Nothing happens if there is no such subscription. */
  acknowledgeSoon(name: string, ackIds: readonly string[]): void {
    if (ackIds.length === 0) return;
    const { state, code } = this.#useSoon(name);
    this.#registry.ports.observer.ackRequest(name, 'streaming pull', code);
    state?.acknowledgeSoon(ackIds);
  }

  async modifyAckDeadline(name: string, ackIds: readonly string[], seconds: number): Promise<void> {
    await this.#toldModAck(name, 'pull', undefined, (state) =>
      state.settler.modify(ackIds, seconds),
    );
  }

  async modifyAckDeadlineEach(
    name: string,
    ackIds: readonly string[],
    seconds: number,
  ): Promise<SettleResult[]> {
    return await this.#toldModAck(name, 'streaming pull', allDone(ackIds), (state) =>
      state.settler.modifyEach(ackIds, seconds),
    );
  }

  /** As `acknowledgeSoon`; `seconds` of each id. */
  modifyAckDeadlinesSoon(
    name: string,
    ackIds: readonly string[],
    seconds: readonly number[],
  ): void {
    if (ackIds.length === 0) return;
    const { state, code } = this.#useSoon(name);
    this.#registry.ports.observer.modAckRequest(name, 'streaming pull', code);
    state?.modifyDeadlinesSoon(ackIds, seconds);
  }

  /** Somebody uses it: it does not expire. */
  #use(name: string): SubscriptionState {
    const state = this.#registry.anySubscription(name);
    state.lastUsedMs = this.#registry.ports.clock.wallMs();
    return state;
  }

  /** Null: there is none, or it has no messages any more. */
  #useSoon(name: string): { readonly state: SubscriptionState | null; readonly code: StatusCode } {
    if (this.#registry.findSubscription(name) !== undefined) {
      return { state: this.#use(name), code: 'OK' };
    }
    return { state: null, code: this.#registry.detached.has(name) ? 'OK' : 'NOT_FOUND' };
  }

  /** `ofDetached`: what a subscription answers that has nothing left to acknowledge. */
  async #toldAck<Result>(
    name: string,
    via: Via,
    ofDetached: Result,
    run: (state: SubscriptionState) => Promise<Result>,
  ): Promise<Result> {
    const { observer } = this.#registry.ports;
    try {
      const isDetached = this.#registry.detached.has(name);
      const result = isDetached ? ofDetached : await run(this.#use(name));
      observer.ackRequest(name, via, 'OK');
      return result;
    } catch (error) {
      observer.ackRequest(name, via, RpcError.from(error).code);
      throw error;
    }
  }

  async #toldModAck<Result>(
    name: string,
    via: Via,
    ofDetached: Result,
    run: (state: SubscriptionState) => Promise<Result>,
  ): Promise<Result> {
    const { observer } = this.#registry.ports;
    try {
      const isDetached = this.#registry.detached.has(name);
      const result = isDetached ? ofDetached : await run(this.#use(name));
      observer.modAckRequest(name, via, 'OK');
      return result;
    } catch (error) {
      observer.modAckRequest(name, via, RpcError.from(error).code);
      throw error;
    }
  }
}

const allDone = (ackIds: readonly string[]): SettleResult[] => ackIds.map(() => 'done');

function bytesOf(batch: readonly Delivery[]): number {
  let bytes = 0;
  for (const delivery of batch) bytes += delivery.bytes.length;
  return bytes;
}

/** pubsub.v1 StreamingPullRequest: 0 or less is no limit. */
const orUnlimited = (max: number): number => (max > 0 ? max : Infinity);

function checkPull(request: PullRequest): void {
  if (request.messagesMax < 1) throw tooSmall('max_messages', request.messagesMax, 1);
  if (request.messagesMax > limits.pullMessagesMax) {
    throw tooLarge('max_messages', request.messagesMax, limits.pullMessagesMax);
  }
}
