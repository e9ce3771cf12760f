import { sealableMessage, type PullStream } from '../../src/broker/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { assert } from '../../src/runtime/index.ts';
import type { MemoryFault } from '../../src/storage/index.ts';
import { BrokerHarness, receivedOf, type HarnessOptions } from '../support/broker-harness.ts';
import { StreamProbe, type Received } from '../support/broker-harness.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { ModelSubscription, ModelTopic, type ModelMessage } from './broker-model.ts';

export interface RunOptions {
  readonly seed: number;
  readonly steps: number;
  readonly wrapStore?: HarnessOptions['wrapStore'];
  /** Called before each step with what is about to be done. */
  readonly onStep?: (step: number, action: string) => void;
}

/** What a run did, so that a test can see that it did anything. */
export interface RunReport {
  readonly published: number;
  readonly delivered: number;
  readonly acked: number;
  readonly refused: number;
  readonly restarts: number;
}

interface Listener {
  readonly probe: StreamProbe;
  readonly stream: PullStream;
  readonly subscription: string;
}

interface Held {
  readonly subscription: string;
  readonly text: string;
  readonly ackId: string;
}

const outstandingWindow = 50;
const faults: readonly MemoryFault[] = [
  'conflict',
  'unknown-landed',
  'unknown-lost',
  'full',
  'io',
  'readOnly',
];
const advancesMs = [1, 40, 100, 1_000, 5_000, 11_000, 30_000, 480_000];

/** A random workload against the whole broker, checked against the model after every step. */
export class BrokerRun {
  readonly #options: RunOptions;
  readonly #dice: SeededEntropy;
  readonly #topics = new Map<string, ModelTopic>();
  readonly #subscriptions = new Map<string, ModelSubscription>();
  /** Everything that was ever delivered, to ack it late, twice, or after a restart. */
  #held: Held[] = [];
  #listeners: Listener[] = [];
  #harness!: BrokerHarness;
  #violation: unknown = null;
  #count = 0;
  #report = { published: 0, delivered: 0, acked: 0, refused: 0, restarts: 0 };

  constructor(options: RunOptions) {
    this.#options = options;
    this.#dice = new SeededEntropy(options.seed);
  }

  /** Throws with seed and step at the first difference from the model. */
  async run(): Promise<RunReport> {
    const { seed, steps, wrapStore, onStep } = this.#options;
    const limits = { outstandingWindow };
    this.#harness = await BrokerHarness.open({ seed, limits, ...(wrapStore && { wrapStore }) });
    let at = 'start';
    try {
      for (let step = 0; step < steps; step++) {
        const [name, action] = this.#pick();
        at = `step ${step} (${name})`;
        onStep?.(step, name);
        await action();
        await this.#harness.clock.settle();
        await this.#check();
      }
      at = 'the end';
      await this.#finish();
    } catch (cause) {
      throw new Error(`seed ${seed}, ${at}: ${String(cause)}`, { cause });
    }
    return this.#report;
  }

  #pick(): readonly [string, () => Promise<void>] {
    const actions: readonly (readonly [number, string, () => Promise<void>])[] = [
      [3, 'create topic', () => this.#createTopic()],
      [1, 'delete topic', () => this.#deleteTopic()],
      [5, 'create subscription', () => this.#createSubscription()],
      [1, 'delete subscription', () => this.#deleteSubscription()],
      [20, 'publish', () => this.#publish()],
      [6, 'publish under faults', () => this.#publishUnderFaults()],
      [14, 'pull', () => this.#pull()],
      [6, 'open stream', () => this.#openStream()],
      [3, 'close stream', () => this.#closeStream()],
      [4, 'pause or resume', () => this.#pauseOrResume()],
      [12, 'acknowledge', () => this.#acknowledge()],
      [4, 'acknowledge under faults', () => this.#acknowledgeUnderFaults()],
      [8, 'acknowledge on a stream', () => this.#streamAcknowledge()],
      [8, 'modify deadline', () => this.#modifyDeadline()],
      [12, 'advance', () => this.#harness.clock.advance(this.#of(advancesMs)!)],
      [3, 'sweep', () => this.#sweep()],
      [3, 'crash', () => this.#crash()],
      [2, 'disable a key', () => this.#switchKey(false)],
      [4, 'enable a key', () => this.#switchKey(true)],
    ];
    let ticket = this.#dice.below(actions.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, name, action] of actions) {
      if (ticket < weight) return [name, action];
      ticket -= weight;
    }
    throw new Error('unreachable: the weights add up');
  }

  async #createTopic(): Promise<void> {
    if (this.#topics.size >= 4) return;
    const key = this.#dice.below(3) > 0 ? await this.#harness.createKey() : undefined;
    const id = `topic-${this.#count++}`;
    const retention = this.#dice.below(3) === 0 ? { messageRetentionMs: 600_000 } : {};
    const more = { ...(key && { kmsKeyName: key.name }), ...retention };
    const name = await this.#harness.createTopic(id, more);
    this.#topics.set(name, new ModelTopic(name, key?.version));
  }

  async #deleteTopic(): Promise<void> {
    const topic = this.#of([...this.#topics.values()]);
    if (topic === undefined) return;
    await this.#harness.until(this.#harness.broker.deleteTopic(topic.name));
    topic.isDeleted = true;
    this.#topics.delete(topic.name);
  }

  async #createSubscription(): Promise<void> {
    const topic = this.#of([...this.#topics.values()]);
    if (topic === undefined || this.#subscriptions.size >= 8) return;
    const settings = {
      ackDeadlineSeconds: this.#of([10, 20, 60])!,
      messageRetentionMs: this.#of([60_000, 600_000, 86_400_000])!,
      retainAckedMessages: this.#dice.below(4) === 0,
    };
    const id = `subscription-${this.#count++}`;
    const name = await this.#harness.createSubscription(id, topic.name, settings);
    const model = new ModelSubscription(topic, {
      retentionMs: settings.messageRetentionMs,
      ackDeadlineMs: settings.ackDeadlineSeconds * 1000,
    });
    topic.subscriptions.set(name, model);
    this.#subscriptions.set(name, model);
  }

  async #deleteSubscription(): Promise<void> {
    const name = this.#of([...this.#subscriptions.keys()]);
    if (name === undefined) return;
    await this.#harness.until(this.#harness.broker.deleteSubscription(name));
    this.#subscriptions.get(name)!.topic.subscriptions.delete(name);
    this.#subscriptions.delete(name);
    for (const { probe, subscription } of this.#listeners) {
      if (subscription === name) assert(probe.failure?.code === 'NOT_FOUND', 'its streams end');
    }
    this.#listeners = this.#listeners.filter((each) => each.subscription !== name);
    this.#held = this.#held.filter((each) => each.subscription !== name);
  }

  /** Several requests at once, which share segments and commits. */
  async #publish(): Promise<void> {
    const topic = this.#of([...this.#topics.values()]);
    if (topic === undefined) return;
    const requests = Array.from({ length: 1 + this.#dice.below(4) }, () => this.#request(topic));
    await this.#harness.until(Promise.all(requests.map((request) => request.answer)));
  }

  async #publishUnderFaults(): Promise<void> {
    const planned = Array.from({ length: 1 + this.#dice.below(3) }, () => this.#of(faults)!);
    this.#harness.faults.next(...planned);
    await this.#publish();
    this.#harness.dropFaults();
  }

  #request(topic: ModelTopic): { readonly answer: Promise<void> } {
    const messages = Array.from({ length: 1 + this.#dice.below(6) }, () => this.#message());
    for (const message of messages) topic.publishing(message);
    const sealable = messages.map(({ text }) =>
      sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: '' }),
    );
    const answered = (ids: string[]): void => {
      assert(!topic.isRevoked, 'a publish was answered under a revoked key');
      topic.published(messages, ids);
      this.#report.published += ids.length;
    };
    const refused = (error: unknown): void => {
      const { code } = RpcError.from(error);
      const isExpected = topic.isRevoked ? code === 'FAILED_PRECONDITION' : isOfStorage(error);
      if (!isExpected) throw error;
      topic.refused(messages);
      this.#report.refused++;
    };
    return { answer: this.#harness.broker.publish(topic.name, sealable).then(answered, refused) };
  }

  #message(): ModelMessage {
    const size = this.#of([0, 1, 60, 1_000, 20_000])!;
    const text = `message ${this.#count++} ${'x'.repeat(size)}`;
    return { text, publishedMs: this.#harness.clock.wallMs() };
  }

  async #pull(): Promise<void> {
    const name = this.#of([...this.#subscriptions.keys()]);
    if (name === undefined) return;
    const model = this.#subscriptions.get(name)!;
    const messagesMax = 1 + this.#dice.below(20);
    const holder = {};
    const request = { messagesMax, returnImmediately: true, signal: new AbortController().signal };
    const pulling = this.#harness.broker.pull(name, request, (batch) => {
      const limits = { ackDeadlineMs: model.ackDeadlineMs, outstandingMax: messagesMax };
      this.#took(name, receivedOf(batch), { holder, ...limits });
    });
    try {
      await this.#harness.until(pulling);
      assert(!model.topic.isRevoked, 'a pull was answered under a revoked key');
    } catch (error) {
      if (RpcError.from(error).code !== 'FAILED_PRECONDITION' || !model.topic.isRevoked)
        throw error;
    }
  }

  async #openStream(): Promise<void> {
    const name = this.#of([...this.#subscriptions.keys()]);
    if (name === undefined || this.#listeners.length >= 6) return;
    const probe = new StreamProbe();
    const settings = {
      ackDeadlineSeconds: this.#of([10, 30])!,
      outstandingMessagesMax: this.#of([0, 1, 3, 10])!,
      outstandingBytesMax: this.#of([0, 0, 1, 5_000])!,
      clientId: 'simulated',
    };
    const { outstandingMessagesMax } = settings;
    const taker = {
      holder: probe,
      ackDeadlineMs: settings.ackDeadlineSeconds * 1000,
      outstandingMax: outstandingMessagesMax > 0 ? outstandingMessagesMax : Infinity,
    };
    probe.onBatch = (batch) => this.#took(name, batch, taker);
    const opening = this.#harness.broker.openStream(name, settings, probe);
    try {
      const stream = await this.#harness.until(opening);
      this.#listeners.push({ probe, stream, subscription: name });
    } catch (error) {
      const { isRevoked } = this.#subscriptions.get(name)!.topic;
      if (RpcError.from(error).code !== 'FAILED_PRECONDITION' || !isRevoked) throw error;
    }
  }

  async #closeStream(): Promise<void> {
    const listener = this.#of(this.#listeners);
    if (listener === undefined) return;
    listener.stream.close();
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }

  async #pauseOrResume(): Promise<void> {
    const listener = this.#of(this.#listeners);
    if (listener === undefined) return;
    listener.probe.isReady = !listener.probe.isReady;
    if (listener.probe.isReady) listener.stream.resume();
  }

  async #acknowledge(): Promise<void> {
    const held = this.#someHeld();
    if (held.length === 0) return;
    const [{ subscription }] = held as [Held];
    const ids = held.map(({ ackId }) => ackId);
    // From here on it must not come; whether for good is known with the answer.
    for (const { text } of held) this.#subscriptions.get(subscription)!.acked(text, false);
    try {
      await this.#harness.until(this.#harness.broker.acknowledge(subscription, ids));
    } catch (error) {
      if (!isOfStorage(error)) throw error;
      this.#report.refused++;
      return;
    }
    for (const { text } of held) this.#subscriptions.get(subscription)!.acked(text, true);
    this.#report.acked += ids.length;
  }

  async #acknowledgeUnderFaults(): Promise<void> {
    this.#harness.faults.next(this.#of(faults)!, this.#of(faults)!);
    await this.#acknowledge();
    this.#harness.dropFaults();
  }

  async #streamAcknowledge(): Promise<void> {
    const held = this.#someHeld();
    if (held.length === 0) return;
    const { subscription } = held[0]!;
    const ids = ['not an ack id', ...held.map(({ ackId }) => ackId)];
    for (const { text } of held) this.#subscriptions.get(subscription)!.acked(text, false);
    this.#harness.broker.streamAcknowledge(subscription, ids);
  }

  async #modifyDeadline(): Promise<void> {
    const held = this.#someHeld();
    if (held.length === 0) return;
    const { subscription } = held[0]!;
    const model = this.#subscriptions.get(subscription)!;
    const seconds = this.#of([0, 0, 10, 60])!;
    const nowMs = this.#harness.clock.monotonicMs();
    const ids = held.map(({ ackId }) => ackId);
    for (const { text, ackId } of held) model.modified(text, ackId, { nowMs, seconds });
    await this.#harness.until(this.#harness.broker.modifyAckDeadline(subscription, ids, seconds));
  }

  async #sweep(): Promise<void> {
    const { wallMs } = this.#now();
    await this.#harness.until(this.#harness.broker.sweep());
    // The raised floors are written soon, not at once: until then a crash brings messages back.
    await this.#harness.clock.advance(20);
    for (const model of this.#subscriptions.values()) model.swept(wallMs);
  }

  /** In the middle of publishes and acks, whose answers never come. */
  async #crash(): Promise<void> {
    const topic = this.#of([...this.#topics.values()]);
    if (topic !== undefined) this.#request(topic);
    if (this.#dice.below(2) === 0) await this.#streamAcknowledge();
    await this.#harness.clock.settle(this.#dice.below(4));
    for (const { probe } of this.#listeners) probe.onBatch = (): void => undefined;
    this.#listeners = [];
    for (const model of this.#subscriptions.values()) model.crash();
    await this.#harness.restart();
    this.#report.restarts++;
  }

  async #switchKey(isEnabled: boolean): Promise<void> {
    const models = [...this.#subscriptions.values()].map(({ topic }) => topic);
    const topics = [...new Set([...this.#topics.values(), ...models])];
    const topic = this.#of(topics.filter(({ keyVersion }) => keyVersion !== undefined));
    if (topic === undefined || topic.isRevoked !== isEnabled) return;
    if (isEnabled) topic.isRevoked = false;
    await this.#harness.setKeyEnabled(topic.keyVersion!, isEnabled);
    topic.isRevoked = !isEnabled;
    const gone = this.#listeners.filter(({ probe }) => probe.failure !== null);
    for (const { probe, subscription } of this.#listeners) {
      if (!topic.isRevoked || !topic.subscriptions.has(subscription)) continue;
      assert(probe.failure?.code === 'FAILED_PRECONDITION', 'a revoked key ends the streams');
    }
    this.#listeners = this.#listeners.filter((each) => !gone.includes(each));
  }

  /** Checks a batch in the moment in which it is handed over. */
  #took(
    subscription: string,
    batch: readonly Received[],
    taker: { holder: object; ackDeadlineMs: number; outstandingMax: number },
  ): void {
    const now = this.#now();
    try {
      for (const got of batch) {
        this.#subscriptions.get(subscription)!.deliver(got, { ...taker, ...now });
        this.#held.push({ subscription, text: got.text, ackId: got.ackId });
      }
    } catch (error) {
      this.#violation ??= error;
    }
    this.#report.delivered += batch.length;
  }

  /** Up to ten deliveries of one subscription, of any age. */
  #someHeld(): Held[] {
    const one = this.#of(this.#held);
    if (one === undefined) return [];
    const same = this.#held.filter(({ subscription }) => subscription === one.subscription);
    const start = this.#dice.below(same.length);
    const some = same.slice(start, start + 1 + this.#dice.below(10));
    if (this.#dice.below(3) > 0) this.#held = this.#held.filter((each) => !some.includes(each));
    return some;
  }

  async #check(): Promise<void> {
    if (this.#violation !== null) throw this.#violation;
    const now = this.#now();
    const reports = await this.#harness.until(this.#harness.broker.backlogs());
    assert(reports.length === this.#subscriptions.size, 'every subscription reports');
    for (const { subscription, unackedCount, outstandingCount } of reports) {
      const model = this.#subscriptions.get(subscription)!;
      const [least, most] = model.backlogRange(now.wallMs);
      const isExact = least <= unackedCount && unackedCount <= most;
      assert(isExact, `${subscription} has ${unackedCount} unacked, not ${least} to ${most}`);
      const [few, many] = model.outstandingRange(now);
      const isLeased = few <= outstandingCount && outstandingCount <= many;
      assert(isLeased, `${subscription}: ${outstandingCount} outstanding, not ${few} to ${many}`);
      assert(outstandingCount <= outstandingWindow, 'more outstanding than the window');
    }
  }

  /** Everything that is owed comes, once keys and time allow it, and after its ack never again. */
  async #finish(): Promise<void> {
    for (const { topic } of this.#subscriptions.values()) {
      if (topic.isRevoked) await this.#harness.setKeyEnabled(topic.keyVersion!, true);
      topic.isRevoked = false;
    }
    await this.#crash();
    for (const [name, model] of this.#subscriptions) {
      const taker = { holder: {}, ackDeadlineMs: 60_000, outstandingMax: Infinity };
      const probe = new StreamProbe();
      probe.onBatch = (batch) => this.#took(name, batch, taker);
      const settings = { ackDeadlineSeconds: 60, outstandingMessagesMax: 0 };
      const all = { ...settings, outstandingBytesMax: 0, clientId: 'last' };
      const stream = await this.#harness.until(this.#harness.broker.openStream(name, all, probe));
      for (;;) {
        await this.#harness.clock.settle(20);
        const batch = probe.take();
        if (batch.length === 0) break;
        const ids = batch.map(({ ackId }) => ackId);
        await this.#harness.until(this.#harness.broker.acknowledge(name, ids));
        for (const { text } of batch) model.acked(text, true);
      }
      stream.close();
      const lost = model.owed(this.#harness.clock.wallMs()).map((text) => text.slice(0, 20));
      assert(lost.length === 0, `${name} never got ${lost.join(', ')}`);
    }
    await this.#check();
    await this.#harness.restart();
    for (const name of this.#subscriptions.keys()) {
      const again = await this.#harness.pull(name);
      assert(again.length === 0, `${name} gets acknowledged messages again after a restart`);
    }
    await this.#harness.close();
    assert(this.#harness.clock.pendingCount === 0, 'timers remain that nobody cancelled');
  }

  #now(): { readonly nowMs: number; readonly wallMs: number } {
    const { clock } = this.#harness;
    return { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  #of<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : items[this.#dice.below(items.length)];
  }
}

/** What a broken disk makes of a request. */
function isOfStorage(error: unknown): boolean {
  const { reason } = RpcError.from(error);
  return ['DISK_FULL', 'DISK_READ_ONLY', 'STORAGE_UNAVAILABLE'].includes(reason);
}
