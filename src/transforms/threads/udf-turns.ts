import type { Clock, Logger } from '../../runtime/index.ts';
import type { TransformLimits } from '../limits.ts';
import type { TransformableMessage } from '../transform.ts';
import type { Place } from './sign-of-life.ts';
import { packed, type Turn, type TurnEnd, type UdfOutcome } from './turn.ts';
import type { UdfLane, UdfRun, Waiting } from './udf-lane.ts';
import type { ThreadLoss } from './udf-thread.ts';

/** What a turn is done in. */
export interface TurnThread {
  readonly isBusy: boolean;
  /** Whether it has been started: one that was not is only begun when all others are busy. */
  readonly isAlive: boolean;
  run(turn: Turn): Promise<TurnEnd | ThreadLoss>;
  forget(id: number): void;
  close(): Promise<void>;
}

/** A thread that ends of itself more often in a row, before it began, will not do the next time. */
const blamelessMax = 3;
const lossStrikes = 3;
const shares = 4;

/**
 * Gives functions turns in threads, one after the other: none waits for more than one turn of each
 * other. A function that keeps timing out leaves one thread to the others.
 */
export class UdfTurns {
  readonly #threads: readonly TurnThread[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limits: TransformLimits;
  /** With messages that wait; whose turn it is comes first. */
  readonly #line = new Set<UdfLane>();
  readonly #lanes = new Set<UdfLane>();
  #slowRunning = 0;
  #isClosed = false;

  constructor(
    threads: readonly TurnThread[],
    limits: TransformLimits,
    ports: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#threads = threads;
    this.#limits = limits;
    this.#clock = ports.clock;
    this.#log = ports.log;
  }

  /** One outcome for each message, or for the first of them if those became much; never rejects. */
  async run(lane: UdfLane, messages: readonly TransformableMessage[]): Promise<UdfOutcome[]> {
    if (lane.isClosed || this.#isClosed) return messages.map(() => closed);
    if (this.#isFull()) return messages.map(() => crowded);
    this.#lanes.add(lane);
    const run: UdfRun = { madeBytes: 0 };
    const waiting = messages.map((message) => this.#outcome(lane, message, run));
    this.#next();
    const outcomes: UdfOutcome[] = [];
    for (const outcome of await Promise.all(waiting)) {
      if (outcome === 'left out') break;
      outcomes.push(outcome);
    }
    return outcomes;
  }

  close(lane: UdfLane): void {
    lane.close(closed);
    this.#line.delete(lane);
    this.#lanes.delete(lane);
    for (const thread of this.#threads) thread.forget(lane.id);
  }

  async end(): Promise<void> {
    this.#isClosed = true;
    for (const lane of this.#lanes) this.close(lane);
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #outcome(
    lane: UdfLane,
    message: TransformableMessage,
    run: UdfRun,
  ): Promise<UdfOutcome | 'left out'> {
    const { waitingMax, waitingBytesMax } = this.#limits;
    const bytes = lane.waitingBytes + message.data.length;
    if (lane.waitingCount >= waitingMax || (lane.waitingCount > 0 && bytes > waitingBytesMax)) {
      return Promise.resolve(crowded);
    }
    return new Promise((settle) => {
      lane.push({ message, run, settle });
      this.#line.add(lane);
    });
  }

  /** One function has its share of what may wait, and all together several shares. */
  #isFull(): boolean {
    let bytes = 0;
    for (const lane of this.#line) bytes += lane.waitingBytes;
    return bytes >= shares * this.#limits.waitingBytesMax;
  }

  /** Begins as many turns as can be. */
  #next(): void {
    for (;;) {
      const thread = this.#freeThread();
      const lane = thread === undefined ? undefined : this.#nextLane();
      if (thread === undefined || lane === undefined) return;
      this.#line.delete(lane);
      void this.#turn(thread, lane);
    }
  }

  #freeThread(): TurnThread | undefined {
    const free = this.#threads.filter(({ isBusy }) => !isBusy);
    return free.find(({ isAlive }) => isAlive) ?? free[0];
  }

  #nextLane(): UdfLane | undefined {
    const slowMax = Math.max(1, this.#threads.length - 1);
    for (const lane of this.#line) {
      if (lane.isRunning) continue;
      if (!lane.isSlow || this.#slowRunning < slowMax) return lane;
    }
    return undefined;
  }

  async #turn(thread: TurnThread, lane: UdfLane): Promise<void> {
    const { isSlow } = lane;
    if (isSlow) this.#slowRunning++;
    lane.isRunning = true;
    const taken = lane.take();
    const messages = lane.isProbe ? [] : taken.map(({ message }) => message);
    const { id, udf } = lane;
    const nowMs = this.#clock.wallMs();
    const end = await thread.run({ kind: 'turn', id, udf, nowMs, messages: packed(messages) });
    lane.isRunning = false;
    if (isSlow) this.#slowRunning--;
    if (lane.isClosed || lane.isProbe) thread.forget(id);
    const left = 'lostAt' in end ? this.#lost(lane, taken, end) : settled(lane, taken, end);
    lane.putBack(left);
    lane.leaveOut(this.#limits.madeBytesMax);
    if (lane.waitingCount > 0) this.#line.add(lane);
    this.#next();
  }

  /** Those that are to be tried again: all but the message that the thread was at. */
  #lost(lane: UdfLane, taken: readonly Waiting[], loss: ThreadLoss): readonly Waiting[] {
    const { lostAt, isStall } = loss;
    if (lane.isClosed) return [];
    this.#log.warn({ owner: lane.owner, functionName: lane.udf.functionName, isStall }, lossLine);
    if (lostAt === 'idle' && ++lane.blameless < blamelessMax) return taken;
    lane.blameless = 0;
    lane.strike(lossStrikes);
    const idle = lostAt === 'idle' && { isTransient: true as const };
    const outcome = { ...failure(lossText(lostAt)), isTimeout: isStall, ...idle };
    if (typeof lostAt !== 'number') {
      for (const { settle } of taken) settle(outcome);
      return [];
    }
    taken[lostAt]!.settle(outcome);
    return taken.toSpliced(lostAt, 1);
  }
}

const lossLine = 'a thread of a message transform ended amid its work';
const closed = passing('The transform is no longer in use.');
const crowded = passing('Too many messages wait for the function.');

/** Those for which the turn was too short. */
function settled(lane: UdfLane, taken: readonly Waiting[], end: TurnEnd): readonly Waiting[] {
  const { refusal, outcomes } = end;
  lane.blameless = 0;
  for (const [index, outcome] of outcomes.entries()) {
    const { run, settle } = taken[index]!;
    if (outcome.kind === 'transformed') run.madeBytes += outcome.data.length;
    settle(outcome);
  }
  const late = outcomes.filter((outcome) => outcome.kind === 'failed' && outcome.isTimeout).length;
  lane.strike(late);
  lane.praise(outcomes.length - late);
  const left = taken.slice(outcomes.length);
  if (refusal === null && !lane.isProbe) return left;
  const outcome: UdfOutcome = refusal === null ? { kind: 'filtered' } : failure(refusal);
  for (const { settle } of left) settle(outcome);
  return [];
}

function failure(message: string): UdfOutcome & { kind: 'failed' } {
  return { kind: 'failed', message, isTimeout: false };
}

/** Of nobody's message: it may go better soon. */
function passing(message: string): UdfOutcome & { kind: 'failed' } {
  return { ...failure(message), isTransient: true };
}

function lossText(lostAt: Place): string {
  if (lostAt === 'idle') return 'The function could not be run.';
  if (lostAt === 'loading') return 'Loading the code does not end, or needs too much memory.';
  return 'The function did not end, or used too much memory, and had to be stopped.';
}
