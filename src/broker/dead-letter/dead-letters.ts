import { RpcError, type StatusCode } from '../../rpc/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import { draining, notFound } from '../errors.ts';
import type { HeldSegment } from '../lanes/lane-reader.ts';
import type { BrokerObserver } from '../observer.ts';
import type { DeadLetterPolicy, SealableMessage } from '../service.ts';
import { checkStorageRegion, checkTransitRegion } from '../resources/storage-policy.ts';
import type { TopicState } from '../topic-state.ts';
import { deadLetterCopy } from './dead-letter-copy.ts';
import { ForwardGate } from './forward-gate.ts';

/** A message that failed as often as its subscription's policy allows. */
export interface DeadLetter {
  /** With a dead letter policy. */
  readonly subscription: SubscriptionRow;
  /** The topic that the message was published to. */
  readonly topic: TopicState;
  readonly sequence: number;
  /** Nacks and passed deadlines of the message. */
  readonly failures: number;
  /** What its subscription's transform did not bear, if that was the last failure. */
  readonly deliveryError?: string;
  /** True once it need not be forwarded any more: acknowledged, sought away, expired. */
  isOver(): boolean;
}

/** Why the latest forward of a subscription failed; gone with the next that succeeds. */
export interface ForwardFailure {
  readonly topic: string;
  readonly code: StatusCode;
  readonly reason: string;
  readonly message: string;
}

export interface DeadLetterPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: BrokerObserver;
  /** Where this broker stores; absent: every storage policy is met. */
  readonly region?: string;
  /** See BrokerPorts. */
  readonly requireForward?: (subscription: string, deadLetterTopic: string) => Promise<void>;
  /** The topic of that name, if there is one now. */
  findTopic(name: string): TopicState | undefined;
}

/** The segment is asked for again so often, where its key went between fetching and opening. */
const opensMax = 3;

/**
 * Brings messages to dead letter topics. A copy is opened under the source's key, sealed under the
 * target's and durable before the answer is OK; whoever acknowledges the original then loses nothing
 * in a crash, and at most repeats the copy.
 */
export class DeadLetters {
  readonly #ports: DeadLetterPorts;
  readonly #gate: ForwardGate;
  /** By the id of the subscription. */
  readonly #failures = new Map<number, ForwardFailure>();
  readonly #landed = new Set<() => void>();
  #underWay = 0;
  #isClosed = false;

  constructor(ports: DeadLetterPorts, gate: ForwardGate = new ForwardGate()) {
    this.#ports = ports;
    this.#gate = gate;
  }

  /** Null: the last forward succeeded, or there was none. */
  failureOf(subscriptionId: number): ForwardFailure | null {
    return this.#failures.get(subscriptionId) ?? null;
  }

  /** The subscription is gone. */
  forget(subscriptionId: number): void {
    this.#failures.delete(subscriptionId);
  }

  /**
   * OK: the copy is durable, and the original may be acknowledged. CANCELLED: there was nothing to
   * forward any more. Anything else is why it failed: the message stays. Never rejects.
   */
  async forward(letter: DeadLetter): Promise<StatusCode> {
    const { id } = letter.subscription;
    this.#underWay++;
    await this.#gate.enter(id);
    try {
      return await this.#told(letter);
    } finally {
      this.#gate.leave(id);
      if (--this.#underWay === 0) for (const landed of this.#landed) landed();
    }
  }

  /** Takes nothing more; resolves when nothing is under way, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay === 0) return;
    const { clock } = this.#ports;
    await new Promise<void>((resolve) => {
      const cancel = clock.schedule(clock.monotonicMs() + graceMs, resolve);
      this.#landed.add(() => {
        cancel();
        // Whoever waits for a forward takes its answer up before this resolves.
        clock.soon(resolve);
      });
    });
  }

  async #told(letter: DeadLetter): Promise<StatusCode> {
    const { deadLetterPolicy: policy, id, name } = letter.subscription;
    if (letter.isOver() || policy === undefined) return 'CANCELLED';
    if (this.#isClosed) return draining().code;
    try {
      if (!(await this.#move(letter, policy))) return 'CANCELLED';
      this.#succeeded(letter);
    } catch (error) {
      const { code, reason, message } = RpcError.from(error);
      const failure = { topic: policy.deadLetterTopic, code, reason, message };
      this.#noteFailure(id, name, failure);
      this.#ports.observer.deadLettered(name, code);
      return code;
    }
    this.#ports.observer.deadLettered(name, 'OK');
    return 'OK';
  }

  /** False: there was nothing to forward any more. */
  async #move(letter: DeadLetter, { deadLetterTopic }: DeadLetterPolicy): Promise<boolean> {
    const target = this.#ports.findTopic(deadLetterTopic);
    if (target === undefined) throw notFound(deadLetterTopic);
    const { region, requireForward } = this.#ports;
    await requireForward?.(letter.subscription.name, deadLetterTopic);
    checkTransitRegion(letter.topic.row, region);
    checkStorageRegion(target.row, region);
    // First, so that nothing is opened that would then wait for a key.
    await target.key.forSeal();
    const copy = await this.#copyOf(letter);
    if (copy === null) return false;
    try {
      await this.#publish(target, copy);
    } finally {
      copy.bytes.fill(0);
      this.#gate.free(copy.bytes.length);
    }
    return true;
  }

  /** Counted as what it is, a publish to the dead letter topic. */
  async #publish(target: TopicState, copy: SealableMessage): Promise<void> {
    const { clock, observer } = this.#ports;
    const startedMs = clock.monotonicMs();
    const tell = (code: StatusCode, messageBytes: readonly number[]): void => {
      const sizes = { messageBytes, hasOrdering: copy.orderingKey !== '' };
      observer.publish(target.row.name, code, sizes, clock.monotonicMs() - startedMs);
    };
    try {
      await target.publish([copy]);
    } catch (error) {
      tell(RpcError.from(error).code, []);
      throw error;
    }
    tell('OK', [copy.bytes.length]);
  }

  /** Holds the gate's bytes for the copy. Null: there is nothing to forward any more. */
  async #copyOf(letter: DeadLetter): Promise<SealableMessage | null> {
    const copy = await openedCopy(letter);
    if (copy === null || this.#gate.tryHold(copy.bytes.length)) return copy;
    // What is opened must not wait: it is opened again when the bytes are there.
    copy.bytes.fill(0);
    const { length } = copy.bytes;
    await this.#gate.hold(length);
    let again: SealableMessage | null = null;
    try {
      again = await openedCopy(letter);
      return again;
    } finally {
      if (again === null) this.#gate.free(length);
    }
  }

  #succeeded({ subscription }: DeadLetter): void {
    if (!this.#failures.delete(subscription.id)) return;
    this.#ports.log.warn({ subscription: subscription.name }, 'dead letters are forwarded again');
  }

  #noteFailure(id: number, subscription: string, failure: ForwardFailure): void {
    const before = this.#failures.get(id);
    this.#failures.set(id, failure);
    if (before?.reason === failure.reason && before.topic === failure.topic) return;
    const { topic, reason, message } = failure;
    const fields = { subscription, topic, reason, cause: message };
    this.#ports.log.warn(fields, 'dead letters are not forwarded');
  }
}

/** Null: over by now, or retention has passed over it. Throws what keeps the key or the store. */
async function openedCopy(letter: DeadLetter): Promise<SealableMessage | null> {
  const { reader } = letter.topic;
  for (let opens = 0; opens < opensMax; opens++) {
    const { segment } = await reader.load(letter.sequence);
    if (segment === null || letter.isOver()) return null;
    const held = reader.get(letter.sequence, segment);
    if (held !== undefined) return copyFrom(held, letter);
  }
  throw new RpcError('UNAVAILABLE', 'MESSAGE_NOT_OPENED', 'The message could not be opened.');
}

function copyFrom(held: HeldSegment, letter: DeadLetter): SealableMessage {
  const { base, bytes, offsets, timeMs } = held;
  const { deliveryError } = letter;
  const index = letter.sequence - base;
  return deadLetterCopy(bytes.subarray(offsets[index], offsets[index + 1]), {
    failures: letter.failures,
    subscription: letter.subscription.name,
    publishTimeMs: timeMs,
    ...(deliveryError !== undefined && { deliveryError }),
  });
}
