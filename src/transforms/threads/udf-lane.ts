import type { Udf } from '../sandbox/sandbox.ts';
import type { TransformableMessage } from '../transform.ts';
import type { UdfOutcome } from './turn.ts';

/** A message that waits for a function. */
export interface Waiting {
  readonly message: TransformableMessage;
  readonly run: UdfRun;
  readonly settle: (outcome: UdfOutcome | 'left out') => void;
}

/** Messages that were brought together. */
export interface UdfRun {
  /** Of what those became that have had their turn. */
  madeBytes: number;
}

/** A function is slow from so many strikes on; it has at most the greater number. */
const strikesSlow = 3;
const strikesMax = 8;
/** What one message in time makes up for: more than one timeout in 16 messages is too much. */
const goodConduct = 1 / 16;

const turnMessages = 32;
const turnBytes = 256 * 1024;

/** The messages of one function of one resource, and how it has behaved. */
export class UdfLane {
  /** A resource's name, for the log. */
  readonly owner: string;
  readonly id: number;
  readonly udf: Udf;
  readonly #waiting: Waiting[] = [];
  /** In a thread now. */
  #taken: readonly Waiting[] = [];
  #strikes = 0;
  #waitingBytes = 0;
  isRunning = false;
  isClosed = false;
  /** Losses of a thread in a row for which no message was to blame. */
  blameless = 0;

  /** Its one message only stands for loading the code. Nothing is known of it: it counts as slow. */
  readonly isProbe: boolean;

  constructor(owner: string, id: number, udf: Udf, isProbe: boolean = false) {
    this.owner = owner;
    this.id = id;
    this.udf = udf;
    this.isProbe = isProbe;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Slow functions are let run one message at a time, and never in all threads at once. */
  get isSlow(): boolean {
    return this.isProbe || this.#strikes >= strikesSlow;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.message.data.length;
  }

  /** The messages of the next turn. */
  take(): readonly Waiting[] {
    const most = this.isSlow ? 1 : turnMessages;
    let count = 0;
    let bytes = 0;
    while (count < Math.min(most, this.#waiting.length) && (count === 0 || bytes < turnBytes)) {
      bytes += this.#waiting[count++]!.message.data.length;
    }
    this.#taken = this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
    return this.#taken;
  }

  /** These have not had their turn after all. */
  putBack(waiting: readonly Waiting[]): void {
    if (this.isClosed) return;
    this.#waiting.unshift(...waiting);
    for (const { message } of waiting) this.#waitingBytes += message.data.length;
  }

  /** Those wait no longer of whose run so much was made. */
  leaveOut(madeBytesMax: number): void {
    while ((this.#waiting[0]?.run.madeBytes ?? 0) > madeBytesMax) {
      const { message, settle } = this.#waiting.shift()!;
      this.#waitingBytes -= message.data.length;
      settle('left out');
    }
  }

  strike(count: number): void {
    this.#strikes = Math.min(strikesMax, this.#strikes + count);
  }

  praise(messages: number): void {
    this.#strikes = Math.max(0, this.#strikes - messages * goodConduct);
  }

  /** All its messages end so, even those in a thread. */
  close(outcome: UdfOutcome): void {
    this.isClosed = true;
    for (const { settle } of [...this.#taken, ...this.#waiting.splice(0)]) settle(outcome);
    this.#waitingBytes = 0;
  }
}
