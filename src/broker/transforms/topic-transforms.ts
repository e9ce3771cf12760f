import { RpcError } from '../../rpc/index.ts';
import { draw, type Clock, type Entropy, Serial } from '../../runtime/index.ts';
import type {
  MessageTransform,
  TransformEngine,
  TransformOutcome,
} from '../../transforms/index.ts';
import type { PendingBudget } from '../lanes/lane.ts';
import { limits, tooLarge } from '../limits.ts';
import type { BrokerObserver } from '../observer.ts';
import type { SealableMessage } from '../service.ts';
import { BatchPace } from './batch-pace.ts';
import { transformable, transformedMessage } from './transformable.ts';
import { transformFailed } from './transform-errors.ts';
import { reportOutcomes } from './outcome-report.ts';
import { TransformSlot } from './transform-slot.ts';

export interface TopicTransformPorts {
  readonly transforms?: TransformEngine;
  readonly pending: PendingBudget;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly observer: BrokerObserver;
}

/** What a waiting message costs beside its bytes. */
const messageOverheadBytes = 256;

/** Makes messages durable: ids in their order. */
type Publish = (messages: readonly SealableMessage[]) => Promise<string[]>;

/**
 * A topic's transforms, applied before anything is sealed. One request at a time: what comes later
 * is published later, whatever transforms take.
 */
export class TopicTransforms {
  readonly #topic: string;
  readonly #ports: TopicTransformPorts;
  readonly #slot: TransformSlot;
  readonly #turns = new Serial();
  readonly #pace = new BatchPace();
  #underWay = 0;
  #closedBy: Error | null = null;

  constructor(topic: string, ports: TopicTransformPorts) {
    this.#topic = topic;
    this.#ports = ports;
    this.#slot = new TransformSlot(ports.transforms, topic);
  }

  /** A publish goes through here; else it would overtake what is still being transformed. */
  get isOn(): boolean {
    return this.#slot.isOn || this.#underWay > 0;
  }

  change(transforms: readonly MessageTransform[] | undefined): void {
    this.#slot.change(transforms);
  }

  /** What code has kept of messages goes: their key was taken away. */
  forget(): void {
    this.#slot.forget();
  }

  /** The topic is gone: what is being transformed is refused, and nothing is run any more. */
  close(error: Error): void {
    this.#closedBy = error;
    this.#slot.forget();
  }

  /**
   * Publishes what is left of a request: all of it or nothing. A message that is filtered has an id
   * that no stored one has. Throws INVALID_ARGUMENT for what a transform did not bear.
   */
  async publish(messages: readonly SealableMessage[], publish: Publish): Promise<string[]> {
    const { pending } = this.#ports;
    let bytes = 0;
    for (const message of messages) bytes += message.bytes.length + messageOverheadBytes;
    pending.take(bytes);
    this.#underWay++;
    try {
      const { kept, ids } = await this.#turns.run(async () => {
        const kept = await this.#transformed(messages);
        const present = kept.filter((message) => message !== null);
        // Begun in its turn and awaited outside: the next is transformed while this is made durable.
        const ids = present.length > 0 ? publish(present) : Promise.resolve([]);
        ids.catch(() => undefined);
        return { kept, ids };
      });
      const stored = (await ids).values();
      return kept.map((message) => (message === null ? this.#drawId() : stored.next().value!));
    } finally {
      this.#underWay--;
      pending.release(bytes);
    }
  }

  /** Null for what is filtered. */
  async #transformed(messages: readonly SealableMessage[]): Promise<(SealableMessage | null)[]> {
    const done: (SealableMessage | null)[] = [];
    let bytes = 0;
    while (done.length < messages.length) {
      const batch = this.#pace.next(messages, done.length);
      for (const message of await this.#batch(batch, done.length)) {
        bytes += message?.bytes.length ?? 0;
        done.push(message);
      }
      // Before more is made of it: one request must not fill the memory.
      const { requestBytesMax } = limits;
      if (bytes > requestBytesMax) throw tooLarge('request_size', bytes, requestBytesMax);
    }
    return done;
  }

  /** Of the first of them, where much was made of those. */
  async #batch(
    batch: readonly SealableMessage[],
    first: number,
  ): Promise<readonly (SealableMessage | null)[]> {
    const startedMs = this.#ports.clock.monotonicMs();
    const input = batch.map(({ bytes }) => transformable(bytes));
    for (;;) {
      if (this.#closedBy !== null) throw this.#closedBy;
      if (!this.#slot.isOn) return batch;
      const outcomes = await this.#slot.run(input);
      if (outcomes === null) continue;
      this.#pace.made(outcomes);
      const ms = this.#ports.clock.monotonicMs() - startedMs;
      reportOutcomes(outcomes, ms, (result, count, eachMs) =>
        this.#ports.observer.topicTransformed(this.#topic, result, count, eachMs),
      );
      return outcomes.map((outcome, i) => outcomeOf(outcome, input[i]!.orderingKey, first + i));
    }
  }

  /** No lane's ids begin with 0, so that none that is stored is drawn. */
  #drawId(): string {
    const drawn = Buffer.from(draw(this.#ports.entropy, 8)).readBigUInt64LE();
    return `0${String(drawn % 10n ** 16n).padStart(16, '0')}`;
  }
}

function outcomeOf(
  outcome: TransformOutcome,
  orderingKey: string,
  index: number,
): SealableMessage | null {
  if (outcome.kind === 'filtered') return null;
  const place = `messages[${index}]`;
  if (outcome.kind === 'failed') {
    throw transformFailed(`${place}, message_transforms[${outcome.index}]`, outcome.message);
  }
  try {
    return transformedMessage(outcome, orderingKey);
  } catch (error) {
    throw transformFailed(place, RpcError.from(error).message);
  }
}
