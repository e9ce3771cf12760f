import type { Clock, Logger } from '../../runtime/index.ts';
import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import { Consumer, type ConsumerLimits } from '../delivery/consumer.ts';
import type { BrokerObserver } from '../observer.ts';
import type { Delivery, PushFailure, PushStatus } from '../service.ts';
import { PushBackoff } from './push-backoff.ts';
import { PushFlights } from './push-flights.ts';
import type { PushMemory, PushShare } from './push-memory.ts';
import { bodyBytesMax, heldBytes, pushMessage } from './push-message.ts';
import { PushPause } from './push-pause.ts';
import type { PushAnswer, PushRequest, PushSender } from './push-sender.ts';
import { PushStall } from './push-stall.ts';
import { PushWindow } from './push-window.ts';

/** What all pumps share. */
export interface PushPorts {
  readonly sender: PushSender;
  readonly memory: PushMemory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: BrokerObserver;
}

/** The subscription that a pump empties. */
export interface PushSource {
  readonly row: SubscriptionRow;
  /** Throws what stands in the way. */
  attach(consumer: Consumer): Promise<void>;
  detach(consumer: Consumer): void;
  resume(consumer: Consumer): void;
  acknowledgeSoon(ackIds: readonly string[]): void;
  /** Its request was broken off: no failure. */
  giveBack(ackId: string): void;
  /** It failed: it comes again after `delayMs` or its retry policy's delay, the longer of both. */
  giveBackLater(ackId: string, delayMs: number): void;
  endDelays(): void;
}

/** A lease outlives its request by this: an answer in the last moment still counts. */
const leaseSpareMs = 5_000;
/** A refused message waits at least so long, and beyond a pause of this length no longer than it. */
const shortestDelayMs = 100;
const longestExtraMs = 10_000;
/** Bytes of one turn. */
const turnBytes = 64 * 1024;

/**
 * Push of one subscription: takes messages while its window, its pause and the memory allow it,
 * and acknowledges or gives back by the answers. Requests that are under way when it stops or its
 * endpoint changes finish, and their answers count.
 */
export class PushPump {
  readonly #source: PushSource;
  readonly #ports: PushPorts;
  readonly #stall: PushStall;
  readonly #share: PushShare;
  readonly #flights = new PushFlights();
  readonly #pause: PushPause;
  #window = new PushWindow();
  #backoff = new PushBackoff();
  #endpoint = '';
  #consumer: Consumer | null = null;
  #lastFailure: Omit<PushFailure, 'failingSeconds'> | null = null;
  #failingSinceMs = 0;
  #isRetired = false;
  #isRunning = false;

  constructor(source: PushSource, ports: PushPorts) {
    this.#source = source;
    this.#ports = ports;
    this.#stall = new PushStall(ports, source.row.name, () => void this.#attach());
    this.#share = ports.memory.share(() => this.#resume());
    this.#pause = new PushPause(ports.clock, () => this.#resume());
  }

  /** False once the subscription is not, or no longer, pushed. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Null: the subscription is not pushed. */
  get status(): PushStatus | null {
    const { pushConfig } = this.#source.row;
    if (pushConfig === undefined) return null;
    return {
      endpoint: pushConfig.endpoint,
      window: this.#window.size,
      outstandingCount: this.#flights.count,
      backoffMs: this.#pause.leftMs,
      stalledBy: this.#stall.cause,
      lastFailure: this.#failure,
    };
  }

  /** Begins, goes on or ends, as the subscription's row now says. */
  apply(): void {
    const { pushConfig } = this.#source.row;
    if (pushConfig === undefined || this.#isRetired) return this.#stop();
    this.#isRunning = true;
    if (pushConfig.endpoint !== this.#endpoint) this.#meet(pushConfig.endpoint);
    if (this.#consumer !== null) this.#consumer.ackDeadlineMs = this.#leaseMs;
    else if (this.#stall.cause === null) void this.#attach();
    else this.#stall.retry();
  }

  /** The key was taken away: no byte of what it protects is sent any further. */
  cut(): void {
    this.#flights.cut();
  }

  /** The key is there again. */
  restored(): void {
    this.#stall.retry();
  }

  /** New messages were published. */
  published(): void {
    this.#stall.hint();
  }

  /**
   * Takes nothing more, for good; resolves when no request is under way. Those that still are after
   * `graceMs` are cut.
   */
  async drain(graceMs: number): Promise<void> {
    const { clock } = this.#ports;
    this.#isRetired = true;
    this.#stop();
    const cancel = clock.schedule(clock.monotonicMs() + graceMs, () => this.cut());
    await this.#flights.landed();
    cancel();
  }

  get #failure(): PushFailure | null {
    if (this.#lastFailure === null) return null;
    const failingMs = this.#ports.clock.monotonicMs() - this.#failingSinceMs;
    return { ...this.#lastFailure, failingSeconds: Math.round(failingMs / 1000) };
  }

  get #leaseMs(): number {
    return this.#source.row.ackDeadlineSeconds * 1000 + leaseSpareMs;
  }

  /** What was learnt of one endpoint says nothing about another. */
  #meet(endpoint: string): void {
    this.#endpoint = endpoint;
    this.#window = new PushWindow();
    this.#backoff = new PushBackoff();
    this.#lastFailure = null;
    this.#pause.moveTo(-Infinity);
    this.#source.endDelays();
  }

  #stop(): void {
    if (this.#isRunning) this.#source.endDelays();
    this.#isRunning = false;
    this.#stall.forget();
    this.#pause.stop();
    this.#share.close();
    if (this.#consumer !== null) this.#source.detach(this.#consumer);
    this.#consumer = null;
  }

  async #attach(): Promise<void> {
    if (this.#consumer !== null) return;
    const consumer = this.#newConsumer();
    this.#consumer = consumer;
    try {
      await this.#source.attach(consumer);
    } catch (error) {
      consumer.fail(error);
    }
    // Where there is no room nothing can be tried, and the key was just seen to be usable.
    if (this.#consumer === consumer && consumer.room === 0) this.#stall.over();
  }

  #newConsumer(): Consumer {
    this.#flights.renew();
    const consumer: Consumer = new Consumer({
      type: 'push',
      limits: new PushLimits(() => this.#messagesMax),
      ackDeadlineMs: this.#leaseMs,
      deliver: (batch) => this.#push(batch),
      fail: (error) => this.#failed(consumer, error),
      idle: () => this.#stall.over(),
      admits: (bytes, count) => this.#admits(bytes, count),
    });
    consumer.isPaused = this.#pause.isOn;
    this.#pause.arm();
    return consumer;
  }

  get #messagesMax(): number {
    return this.#share.mayAsk() ? this.#window.size - this.#flights.strayCount : 0;
  }

  /** Only the first of a batch waits where it does not fit: what follows it is asked for again. */
  #admits(bytes: number, count: number): boolean {
    const most = bodyBytesMax(bytes, count);
    return count === 1 ? this.#share.fits(most) : this.#share.hasRoom(most);
  }

  #failed(consumer: Consumer, error: unknown): void {
    if (this.#consumer !== consumer) return;
    this.#consumer = null;
    if (this.#stall.begin(error)) this.cut();
  }

  /** There may be room again, now or when the pause ends. */
  #resume(): void {
    if (this.#consumer !== null && !this.#pause.isOn) this.#source.resume(this.#consumer);
  }

  #push(batch: readonly Delivery[]): boolean {
    this.#stall.over();
    for (const delivery of batch) void this.#send(delivery);
    return true;
  }

  /** Has read all that it needs of the delivery when it first returns. */
  async #send(delivery: Delivery): Promise<void> {
    const { clock, observer } = this.#ports;
    const { row } = this.#source;
    const window = this.#window;
    const { ackId } = delivery;
    const message = pushMessage(delivery, row.name, row.pushConfig!);
    const bytes = heldBytes(message);
    this.#share.take(bytes);
    const flight = this.#flights.start();
    const round = window.sent(this.#flights.count);
    const sentMs = clock.monotonicMs();
    const answer = await this.#request({
      ...message,
      config: row.pushConfig!,
      timeoutMs: row.ackDeadlineSeconds * 1000,
      signal: flight.signal,
    });
    const latencyMs = clock.monotonicMs() - sentMs;
    this.#flights.end(flight);
    const isAck = answer.responseClass === 'ack';
    observer.push(row.name, answer.responseClass, answer.code, latencyMs);
    // What we cut ourselves says nothing about the endpoint, nor does the one of before; and once
    // push has ended there is nothing left to pace.
    const isCurrent = this.#isRunning && window === this.#window;
    const isTelling = isCurrent && (isAck || !flight.signal.aborted);
    if (isTelling) {
      window.answered(round, isAck, latencyMs);
      this.#judge(answer, isAck);
    }
    if (isAck) this.#source.acknowledgeSoon([ackId]);
    else if (flight.signal.aborted) this.#source.giveBack(ackId);
    else this.#source.giveBackLater(ackId, isTelling ? delayMs(this.#pause.leftMs) : 0);
    this.#share.free(bytes);
  }

  async #request(request: PushRequest): Promise<PushAnswer> {
    try {
      return await this.#ports.sender.send(request);
    } catch (error) {
      this.#ports.log.error({ err: error }, 'the sender of push failed');
      return { responseClass: 'internal', code: 'internal', text: 'The request was not made.' };
    }
  }

  #judge(answer: PushAnswer, isAck: boolean): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const { responseClass, code, text } = answer;
    if (this.#lastFailure === null) this.#failingSinceMs = nowMs;
    this.#lastFailure = isAck ? null : { responseClass, code, text };
    this.#backoff.answered(isAck, nowMs, this.#window.size);
    this.#pause.moveTo(this.#backoff.untilMs);
    if (this.#consumer !== null) this.#consumer.isPaused = this.#pause.isOn;
  }
}

/**
 * A refused message waits longer than the pause of all, so that it is not the next to be tried: a
 * message that is always refused must not keep the others from their turn.
 */
function delayMs(pauseMs: number): number {
  return Math.max(pauseMs + shortestDelayMs, Math.min(4 * pauseMs, longestExtraMs));
}

/** Of which the number of messages changes all the time. */
class PushLimits implements ConsumerLimits {
  readonly bytesMax: number = Infinity;
  readonly turnBytes: number = turnBytes;
  readonly #messagesMax: () => number;

  constructor(messagesMax: () => number) {
    this.#messagesMax = messagesMax;
  }

  get messagesMax(): number {
    return this.#messagesMax();
  }
}
