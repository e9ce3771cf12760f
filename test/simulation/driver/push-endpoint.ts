import type { PushAnswer, PushRequest, PushSender } from '../../../src/broker/index.ts';
import type { Cancel, Clock } from '../../../src/runtime/index.ts';
import { SeededEntropy } from '../../support/seeded-entropy.ts';
import type { ModelDelivery, Now, Taker } from '../model/message.ts';
import type { ModelSubscription } from '../model/subscription.ts';
import { standingOf, type Held } from './held.ts';
import { contentOf } from './received.ts';

interface WrappedMessage {
  readonly message: {
    readonly data?: string;
    readonly attributes?: Readonly<Record<string, string>>;
    readonly orderingKey?: string;
    readonly messageId: string;
    readonly publishTime: string;
  };
  readonly subscription: string;
  readonly deliveryAttempt?: number;
}

const answers = {
  ack: { responseClass: 'ack', code: '204', text: 'Taken.' },
  refused: { responseClass: 'remote_server_5xx', code: '500', text: 'Not now.' },
  late: { responseClass: 'deadline_exceeded', code: 'deadline', text: 'No answer in time.' },
  cut: { responseClass: 'unreachable', code: 'cut', text: 'The connection was cut.' },
} as const satisfies Record<string, PushAnswer>;

/** Who is told of what comes. */
export interface PushWitness {
  readonly harness: { readonly clock: Clock };
  readonly subscriptions: ReadonlyMap<string, ModelSubscription>;
  readonly now: Now;
  readonly ledger: { excuse(subscription: string, text: string): void };
  violated(error: unknown): void;
  tookPushed(subscription: ModelSubscription, taker: Taker, got: ModelDelivery): Held;
}

/** Every endpoint of push: takes what comes, tells the model, and answers as chance has it. */
export class PushEndpoint implements PushSender {
  /** Answers everything, at once. */
  isWilling = false;
  readonly #dice: SeededEntropy;
  readonly #takers = new Map<ModelSubscription, Taker>();
  #world!: PushWitness;
  readonly #timers = new Set<Cancel>();
  #count = 0;
  #life = 0;

  constructor(seed: number) {
    this.#dice = new SeededEntropy(seed + 1_000_003);
  }

  connect(world: PushWitness): void {
    this.#world = world;
  }

  /** The process is gone, and its requests with it. */
  crash(): void {
    this.#life++;
    this.#takers.clear();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  async send(request: PushRequest): Promise<PushAnswer> {
    const life = this.#life;
    const wrapped = JSON.parse(Buffer.from(request.body).toString()) as WrappedMessage;
    const subscription = this.#world.subscriptions.get(wrapped.subscription);
    if (subscription === undefined) {
      this.#world.violated(new Error(`pushed for ${wrapped.subscription}, which is gone`));
      return answers.refused;
    }
    const ackId = `push ${this.#count++}`;
    const held = this.#take(subscription, wrapped, ackId, request.timeoutMs);
    const answer = await this.#answer(request);
    if (life === this.#life) this.#settle(held, answer);
    return answer;
  }

  #take(
    subscription: ModelSubscription,
    { message, deliveryAttempt = 0 }: WrappedMessage,
    ackId: string,
    ackDeadlineMs: number,
  ): Held {
    const { data = '', attributes = {}, orderingKey = '', messageId, publishTime } = message;
    const content = contentOf(Buffer.from(data, 'base64').toString());
    const publishTimeMs = Date.parse(publishTime);
    const taker = this.#taker(subscription, ackDeadlineMs);
    const more = { attributes, key: orderingKey, messageId, publishTimeMs, deliveryAttempt };
    return this.#world.tookPushed(subscription, taker, { ...content, ...more, ackId });
  }

  #taker(subscription: ModelSubscription, ackDeadlineMs: number): Taker {
    const taker = this.#takers.get(subscription) ?? {
      kind: 'push',
      clientId: '',
      ackDeadlineMs,
      outstandingMax: Infinity,
      isOpen: true,
    };
    taker.ackDeadlineMs = ackDeadlineMs;
    this.#takers.set(subscription, taker);
    return taker;
  }

  async #answer({ timeoutMs, signal }: PushRequest): Promise<PushAnswer> {
    const fate = this.isWilling ? 0 : this.#dice.below(8);
    if (fate < 4) return answers.ack;
    if (fate === 4) return answers.refused;
    const isLate = fate === 7;
    const waitMs = isLate ? timeoutMs : 1 + this.#dice.below(timeoutMs - 1);
    const isInTime = await this.#wait(waitMs, signal);
    if (!isInTime) return answers.cut;
    if (isLate) return answers.late;
    return fate === 5 ? answers.ack : answers.refused;
  }

  #wait(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#world.harness;
    return new Promise((resolve) => {
      const cancel = clock.schedule(clock.monotonicMs() + waitMs, () => {
        this.#timers.delete(cancel);
        resolve(true);
      });
      this.#timers.add(cancel);
      signal.addEventListener('abort', () => {
        cancel();
        this.#timers.delete(cancel);
        resolve(false);
      });
    });
  }

  #settle(held: Held, { responseClass }: PushAnswer): void {
    const { subscription, text, ackId } = held;
    const { now } = this.#world;
    const standing = standingOf(held);
    if (standing === 'void') return;
    const isUnclear = standing === 'unclear';
    if (responseClass === 'ack') this.#world.ledger.excuse(subscription.name, text);
    if (responseClass !== 'ack') {
      if (isUnclear) subscription.doubtLease(text, ackId);
      else subscription.release(text, ackId, responseClass !== 'unreachable', now);
    } else if (isUnclear) subscription.doubt(text);
    else subscription.ack(text, ackId, {}, now);
  }
}
