import { Backoff } from '../backoff.ts';
import type { Environment } from '../environment.ts';
import { quiet } from '../quiet.ts';
import { SealpostError } from '../sealpost-error.ts';
import { streamNotFound, type Session } from '../session.ts';
import { isRetried } from '../status.ts';
import type { ServerFrame, SettleResult } from '../wire/frame.ts';

/** An ack (null), a nack (0) or a new deadline that the server has not confirmed. */
interface Settlement {
  readonly ackId: string;
  readonly deadlineSeconds: number | null;
  readonly sinceMs: number;
  wasPostponed: boolean;
  readonly resolve: (result: SettleResult) => void;
  readonly reject: (error: SealpostError) => void;
}

/** Results of an exactly-once subscription that the same ack id may still turn into `done`. */
const passingResults: ReadonlySet<SettleResult> = new Set(['unordered', 'failed']);
/** The lease of what cannot be acknowledged yet: longer than any wait before the next attempt. */
const heldSeconds = 60;

/** Ack ids of one frame; the protocol allows 3,000. */
const idsMax = 1_000;
/** Frames without answer; what comes meanwhile makes the next ones larger. */
const framesInFlightMax = 2;
/** How long what was refused for a passing reason is tried again. */
const retryMs = 30_000;

/** The acks, nacks and new deadlines of one subscription, many to a frame. */
export class Settler {
  readonly #session: Session;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  /** The stream that is named to the server: any that it opened for the subscription will do. */
  #stream = 0;
  #waiting: Settlement[] = [];
  #inFlight = 0;
  /** Nothing is sent until the new session has the stream open. */
  #isStreamLost = false;
  /** Something was refused and is tried again a little later. */
  #isRetrying = false;
  /** What did not work out yet: others may go before, and are perhaps what it waits for. */
  #postponed: Settlement[] = [];
  readonly #postponedBackoff: Backoff;
  #cancelPostponed: (() => void) | undefined;
  #isPumpDue = false;
  #closedBy: SealpostError | undefined;
  #cancelRetry: () => void = () => undefined;
  #idleListeners: (() => void)[] = [];

  constructor(session: Session, environment: Environment) {
    this.#session = session;
    this.#environment = environment;
    this.#backoff = new Backoff(environment);
    this.#postponedBackoff = new Backoff(environment);
  }

  /** Rejects with what the server refused for good; ignoring that is no unhandled rejection. */
  settle(ackId: string, deadlineSeconds: number | null): Promise<SettleResult> {
    if (this.#closedBy !== undefined) return quiet(Promise.reject(this.#closedBy));
    this.#pumpSoon();
    return quiet(
      new Promise((resolve, reject) => {
        const sinceMs = this.#environment.nowMs();
        const wasPostponed = false;
        this.#waiting.push({ ackId, deadlineSeconds, sinceMs, wasPostponed, resolve, reject });
      }),
    );
  }

  /** Resolves when everything was answered. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleListeners.push(resolve);
      this.#tellIdle();
    });
  }

  /** The session was lost, and the stream with it. */
  streamLost(): void {
    this.#isStreamLost = true;
  }

  streamOpened(stream: number): void {
    this.#stream = stream;
    this.#isStreamLost = false;
    this.#pump();
  }

  /** No stream will be open any more: what waits for one has lost its messages. */
  giveUp(): void {
    if (!this.#isStreamLost) return;
    this.#isStreamLost = false;
    this.#resumePostponed();
    for (const { resolve } of this.#waiting.splice(0)) resolve('expired');
    this.#tellIdle();
  }

  /** Sends all there is at once: the stream is about to be closed. */
  flush(): void {
    this.#resumePostponed();
    while (!this.#isStreamLost && this.#waiting.length > 0) this.#send(this.#takeBatch());
  }

  close(error: SealpostError): void {
    this.#closedBy = error;
    this.#cancelRetry();
    this.#resumePostponed();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#tellIdle();
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isStreamLost || this.#isRetrying) return;
    while (this.#waiting.length > 0 && this.#inFlight < framesInFlightMax) {
      this.#send(this.#takeBatch());
    }
  }

  /** The longest waiting one and others of its kind. */
  #takeBatch(): Settlement[] {
    const seconds = this.#waiting[0]?.deadlineSeconds;
    const batch: Settlement[] = [];
    const rest: Settlement[] = [];
    for (const each of this.#waiting) {
      const isTaken = each.deadlineSeconds === seconds && batch.length < idsMax;
      (isTaken ? batch : rest).push(each);
    }
    this.#waiting = rest;
    return batch;
  }

  #send(batch: readonly Settlement[]): void {
    const ackIds = batch.map(({ ackId }) => ackId);
    const deadlineSeconds = batch[0]?.deadlineSeconds ?? null;
    this.#inFlight++;
    this.#session.request({
      frame: (id, codec) => codec.settle(id, { stream: this.#stream, ackIds, deadlineSeconds }),
      answered: (frame) => {
        this.#inFlight--;
        this.#answered(batch, frame);
      },
      failed: (error) => {
        this.#inFlight--;
        for (const { reject } of batch) reject(error);
        this.#tellIdle();
      },
      survives: () => {
        this.#inFlight--;
        this.#waiting = [...batch, ...this.#waiting];
        this.#pumpSoon();
        return false;
      },
    });
  }

  #answered(batch: readonly Settlement[], frame: ServerFrame): void {
    if (frame.kind === 'settled') {
      this.#backoff.reset();
      for (const [index, settlement] of batch.entries()) {
        this.#settled(settlement, frame.results[index] ?? 'invalid');
      }
    } else {
      this.#refused(batch, frame.kind === 'error' ? frame.error : unexpected(frame));
    }
    this.#pump();
    this.#tellIdle();
  }

  #settled(settlement: Settlement, result: SettleResult): void {
    const isLate = this.#environment.nowMs() - settlement.sinceMs >= retryMs;
    if (!passingResults.has(result) || isLate || this.#closedBy !== undefined) {
      if (settlement.wasPostponed) this.#postponedBackoff.reset();
      settlement.resolve(result);
      return;
    }
    // Its lease is nobody's business but ours until then.
    if (settlement.deadlineSeconds === null) void this.settle(settlement.ackId, heldSeconds);
    settlement.wasPostponed = true;
    this.#postponed.push(settlement);
    this.#cancelPostponed ??= this.#environment.schedule(this.#postponedBackoff.next(), () => {
      this.#resumePostponed();
      this.#pump();
    });
  }

  /** Behind all others, which may be what it waits for. */
  #resumePostponed(): void {
    this.#cancelPostponed?.();
    this.#cancelPostponed = undefined;
    this.#waiting.push(...this.#postponed.splice(0));
  }

  #refused(batch: readonly Settlement[], error: SealpostError): void {
    if (error.status === 'NOT_FOUND') {
      // A stream of a lost session: the messages may come again. Else the subscription is gone.
      const result = error.reason === streamNotFound ? 'expired' : 'invalid';
      for (const { resolve } of batch) resolve(result);
      return;
    }
    const nowMs = this.#environment.nowMs();
    const again = batch.filter((settlement) => {
      const isAgain = isRetried(error.status) && nowMs - settlement.sinceMs < retryMs;
      if (!isAgain) settlement.reject(error);
      return isAgain;
    });
    if (again.length === 0) return;
    this.#waiting = [...again, ...this.#waiting];
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#cancelRetry = this.#environment.schedule(this.#backoff.next(), () => {
      this.#isRetrying = false;
      this.#pump();
    });
  }

  #tellIdle(): void {
    if (this.#inFlight > 0 || this.#waiting.length > 0 || this.#postponed.length > 0) return;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }
}

function unexpected({ kind }: ServerFrame): SealpostError {
  return new SealpostError('INTERNAL', 'BAD_ANSWER', `An ack was answered by "${kind}".`);
}
