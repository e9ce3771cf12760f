import { Backoff } from '../backoff.ts';
import type { Settings } from '../options.ts';
import { PublishLane, type Outgoing } from './publish-lane.ts';
import { Room } from './room.ts';
import { StoppedKeys } from './stopped-keys.ts';
import { badArgument, SealpostError } from '../sealpost-error.ts';
import type { Session } from '../session.ts';
import { isRetried } from '../status.ts';
import type { EncodedMessage, PublishMessage, ServerFrame } from '../wire/frame.ts';

/** Frames without answer; what comes meanwhile makes the next ones larger. */
const framesInFlightMax = 32;
/** What a frame has beside topic and messages, at most. */
const frameBytesAround = 64;

/** Messages on their way to the server: room for them, batches, and what is done when refused. */
export class Publisher {
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #room: Room;
  readonly #backoff: Backoff;
  readonly #lanes = new Map<string, PublishLane>();
  /** Lanes that would send now, the next one first. */
  readonly #due = new Set<PublishLane>();
  readonly #stops = new StoppedKeys();
  #inFlight = 0;
  #outstanding = 0;
  #idleListeners: (() => void)[] = [];
  #closedBy: SealpostError | undefined;

  constructor(session: Session, settings: Settings) {
    this.#session = session;
    this.#settings = settings;
    this.#room = new Room(settings.flowControl);
    this.#backoff = new Backoff(settings.environment);
  }

  /** Message ids, in the order of the messages, once all are durable. */
  publish(
    topic: string,
    messages: readonly PublishMessage[],
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(topic)) {
      throw badArgument('BAD_NAME', `A topic is called projects/P/topics/T, not ${topic}.`);
    }
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const encoded = messages.map((message) => this.#settings.codec.message(message));
    this.#room.checkLine();
    const answers = encoded.map((each, index) => {
      const name = laneName(topic, messages[index]?.orderingKey ?? '');
      return this.#enter(name, topic, each, signal);
    });
    return Promise.all(answers);
  }

  /** Lets an ordering key go on that stopped when one of its messages was lost. */
  resume(topic: string, orderingKey: string): void {
    this.#stops.resume(laneName(topic, orderingKey));
  }

  /** Sends what may be sent: there is a connection, or an answer came. */
  pump(): void {
    for (const lane of this.#due) {
      if (this.#session.state !== 'open' || this.#inFlight >= framesInFlightMax) return;
      this.#due.delete(lane);
      if (lane.isEmpty || lane.isPaused || (lane.isOrdered && lane.inFlight > 0)) continue;
      this.#sendBatch(lane);
      this.#next(lane);
    }
  }

  /** Resolves when nothing is on its way. Batches no longer wait for company. */
  flush(): Promise<void> {
    for (const lane of this.#lanes.values()) {
      if (!lane.isPaused) this.#makeDue(lane);
    }
    return new Promise((resolve) => {
      if (this.#outstanding === 0) resolve();
      else this.#idleListeners.push(resolve);
    });
  }

  /** What has not been sent fails, and whatever else is published. */
  close(error: SealpostError): void {
    this.#closedBy = error;
    this.#room.refuseAll(error);
    for (const lane of this.#lanes.values()) {
      lane.cancelTimer?.();
      for (const outgoing of lane.takeAll()) outgoing.reject(error);
    }
    this.#lanes.clear();
    this.#due.clear();
  }

  #enter(
    name: string,
    topic: string,
    encoded: EncodedMessage,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { bytes } = encoded;
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        this.#enqueue(name, topic, {
          encoded,
          signal,
          resolve: (messageId) => {
            resolve(messageId);
            this.#release(bytes);
          },
          reject: (error) => {
            reject(error);
            this.#release(bytes);
          },
          isAlone: false,
          refusedMs: undefined,
        });
      };
      this.#room.enter({ bytes, enter, refuse: reject, isGone: () => signal?.aborted ?? false });
    });
  }

  #enqueue(name: string, topic: string, outgoing: Outgoing): void {
    this.#outstanding++;
    const stop = this.#stops.get(name);
    if (stop !== undefined) {
      outgoing.reject(stop);
      return;
    }
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new PublishLane(name, topic, name.length > topic.length + 1);
      this.#lanes.set(name, lane);
    }
    lane.add(outgoing);
    this.#wait(lane);
  }

  #release(bytes: number): void {
    this.#outstanding--;
    this.#room.release(bytes);
    if (this.#outstanding > 0) return;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }

  /** Lets a lane send when its batch is full or has waited long enough. */
  #wait(lane: PublishLane): void {
    const { batching, environment } = this.#settings;
    if (lane.isPaused || this.#due.has(lane)) return;
    if (lane.isFull(batching)) {
      this.#makeDue(lane);
    } else if (batching.delayMs > 0) {
      lane.cancelTimer ??= environment.schedule(batching.delayMs, () => this.#makeDue(lane));
    } else {
      this.#due.add(lane);
      queueMicrotask(() => this.pump());
    }
  }

  #makeDue(lane: PublishLane): void {
    lane.cancelTimer?.();
    lane.cancelTimer = undefined;
    lane.isPaused = false;
    this.#due.add(lane);
    this.pump();
  }

  #sendBatch(lane: PublishLane): void {
    const { topic } = lane;
    const bytesOfAll = (this.#session.welcome?.maxFrameBytes ?? 0) - frameBytesAround;
    const frameBytesMax = bytesOfAll - 3 * topic.length;
    const { messagesMax, bytesMax } = this.#settings.batching;
    // Before anything else: who is refused here makes room, and none may overtake the rest.
    lane.inFlight++;
    this.#inFlight++;
    const taken = lane.take({ messagesMax, bytesMax: Math.min(bytesMax, frameBytesMax) });
    const batch = taken.filter((outgoing) => this.#isWanted(lane, outgoing, frameBytesMax));
    if (batch.length === 0) {
      lane.inFlight--;
      this.#inFlight--;
      return;
    }
    const messages = batch.map(({ encoded }) => encoded);
    this.#session.request({
      frame: (id, codec) => codec.publish(id, topic, messages),
      answered: (frame) => this.#answered(lane, batch, frame),
      failed: (error) => this.#refused(lane, batch, error),
      survives: (wasSent) => this.#survives(lane, batch, wasSent),
    });
  }

  #answered(lane: PublishLane, batch: readonly Outgoing[], frame: ServerFrame): void {
    if (frame.kind === 'error') this.#retry(lane, batch, frame.error);
    else if (frame.kind !== 'published' || frame.messageIds.length !== batch.length) {
      const message = `A publish was answered by "${frame.kind}" or by another number of ids.`;
      this.#lose(lane, batch, new SealpostError('INTERNAL', 'BAD_ANSWER', message));
    } else {
      this.#backoff.reset();
      for (const [index, outgoing] of batch.entries()) {
        outgoing.resolve(frame.messageIds[index] ?? '');
      }
    }
    this.#done(lane);
  }

  #refused(lane: PublishLane, batch: readonly Outgoing[], error: SealpostError): void {
    this.#lose(lane, batch, error);
    this.#done(lane);
  }

  #survives(lane: PublishLane, batch: readonly Outgoing[], wasSent: boolean): boolean {
    if (!wasSent || this.#settings.afterSessionLoss === 'resend') return true;
    const message = 'The session was lost before the answer came: it may have been published.';
    this.#refused(lane, batch, new SealpostError('UNKNOWN', 'SESSION_LOST', message));
    return false;
  }

  /** What may succeed later goes back to the head of its lane, which waits a little. */
  #retry(lane: PublishLane, batch: readonly Outgoing[], error: SealpostError): void {
    const { environment, publishRetryMs } = this.#settings;
    if (error.status === 'INVALID_ARGUMENT' && batch.length > 1) {
      // One message is wrong, and nothing was published: the others shall not suffer for it.
      for (const outgoing of batch) outgoing.isAlone = true;
      lane.putBack(batch);
      return;
    }
    const nowMs = environment.nowMs();
    const isLost = (outgoing: Outgoing): boolean => {
      outgoing.refusedMs ??= nowMs;
      return !isRetried(error.status) || nowMs - outgoing.refusedMs >= publishRetryMs;
    };
    const lost = batch.filter(isLost);
    const isAllLost = lane.isOrdered && lost.length > 0;
    this.#lose(lane, isAllLost ? batch : lost, error);
    const again = isAllLost ? [] : batch.filter((outgoing) => !lost.includes(outgoing));
    if (again.length === 0) return;
    lane.putBack(again);
    lane.cancelTimer?.();
    lane.isPaused = true;
    lane.cancelTimer = environment.schedule(this.#backoff.next(), () => this.#makeDue(lane));
  }

  /** For good. What follows with the same ordering key would overtake: it is refused as well. */
  #lose(lane: PublishLane, lost: readonly Outgoing[], error: SealpostError): void {
    for (const { reject } of lost) reject(error);
    if (!lane.isOrdered || lost.length === 0) return;
    const stop = this.#stops.stop(lane.name, error);
    for (const { reject } of lane.takeAll()) reject(stop);
  }

  /** False: it was given up by its caller, or no frame could carry it; it is told so. */
  #isWanted(lane: PublishLane, outgoing: Outgoing, frameBytesMax: number): boolean {
    const { encoded, signal, reject } = outgoing;
    const stop = this.#stops.get(lane.name);
    if (signal?.aborted === true || stop !== undefined) {
      reject(stop ?? signal?.reason);
      return false;
    }
    if (encoded.bytes <= frameBytesMax) return true;
    const message = `A message of ${encoded.bytes} bytes is larger than a frame of the server's.`;
    this.#lose(lane, [outgoing], badArgument('MESSAGE_TOO_LARGE', message));
    return false;
  }

  /** Only now may an ordered lane go on: what was refused is back at its head. */
  #done(lane: PublishLane): void {
    lane.inFlight--;
    this.#inFlight--;
    this.#next(lane);
    this.pump();
  }

  #next(lane: PublishLane): void {
    if (!lane.isEmpty) this.#wait(lane);
    else if (lane.inFlight === 0) this.#lanes.delete(lane.name);
  }
}

const laneName = (topic: string, orderingKey: string): string => `${topic} ${orderingKey}`;
