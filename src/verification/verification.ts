import { RpcError } from '../rpc/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import type { Verifiable, VerificationSink } from './verifiable.ts';

/** Where one part stands. */
export interface PartReport {
  readonly part: string;
  readonly expectedCount: number;
  readonly verifiedCount: number;
  readonly verifiedBytes: number;
  readonly damagedCount: number;
  /** Neither good nor bad: they could not be looked into. */
  readonly unreadCount: number;
}

export interface VerificationFinding {
  readonly part: string;
  readonly kind: 'damaged' | 'unread';
  readonly where: string;
  readonly problem: string;
}

/** Of the run under way, or of the last one. */
export interface VerificationReport {
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  /** Ms since the Unix epoch. */
  readonly startTimeMs: number;
  readonly endTimeMs: number | null;
  readonly parts: readonly PartReport[];
  /** The first thousand. */
  readonly findings: readonly VerificationFinding[];
  /** Why it failed, in the store's words. */
  readonly error: string | null;
}

const findingsMax = 1000;

/** One run: what it has seen so far. */
class Run {
  state: VerificationReport['state'] = 'running';
  endTimeMs: number | null = null;
  error: string | null = null;
  readonly stopper: AbortController = new AbortController();
  readonly #startTimeMs: number;
  readonly #parts: Map<string, { -readonly [Field in keyof PartReport]: PartReport[Field] }>;
  readonly #findings: VerificationFinding[] = [];

  constructor(startTimeMs: number, parts: readonly string[]) {
    this.#startTimeMs = startTimeMs;
    this.#parts = new Map(parts.map((part) => [part, emptyPart(part)]));
  }

  sinkFor(name: string): VerificationSink {
    const part = this.#parts.get(name)!;
    const find = (kind: VerificationFinding['kind'], where: string, problem: string): void => {
      if (this.#findings.length < findingsMax) {
        this.#findings.push({ part: name, kind, where, problem });
      }
    };
    return {
      expect: (count) => void (part.expectedCount += count),
      passed(count, bytes) {
        part.verifiedCount += count;
        part.verifiedBytes += bytes;
      },
      damaged(where, problem) {
        part.damagedCount++;
        find('damaged', where, problem);
      },
      unread(count, where, reason) {
        part.unreadCount += count;
        find('unread', where, reason);
      },
    };
  }

  report(): VerificationReport {
    return {
      state: this.state,
      startTimeMs: this.#startTimeMs,
      endTimeMs: this.endTimeMs,
      parts: [...this.#parts.values()].map((part) => ({ ...part })),
      findings: [...this.#findings],
      error: this.error,
    };
  }
}

/** Authenticates everything that is stored, one part after the other, beside the daily work. */
export class Verification {
  readonly #parts: readonly Verifiable[];
  readonly #clock: Clock;
  readonly #log: Logger;
  #run: Run | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(
    parts: readonly Verifiable[],
    ports: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#parts = parts;
    this.#clock = ports.clock;
    this.#log = ports.log;
  }

  /** @throws RpcError FAILED_PRECONDITION while one is under way */
  start(): VerificationReport {
    if (this.#run?.state === 'running') {
      const text = 'A verification is under way: wait for its end, or stop it.';
      throw new RpcError('FAILED_PRECONDITION', 'VERIFICATION_RUNNING', text);
    }
    const names = this.#parts.map(({ part }) => part);
    const run = new Run(this.#clock.wallMs(), names);
    this.#run = run;
    this.#running = this.#perform(run);
    return run.report();
  }

  /** @throws RpcError NOT_FOUND before the first one */
  report(): VerificationReport {
    if (this.#run !== null) return this.#run.report();
    const text = 'No verification was started since the server was.';
    throw new RpcError('NOT_FOUND', 'VERIFICATION_NOT_FOUND', text);
  }

  /** Ends the one that is under way, if any; resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#run?.stopper.abort();
    await this.#running;
  }

  /** Never rejects: how it ended is in the report. */
  async #perform(run: Run): Promise<void> {
    const { signal } = run.stopper;
    try {
      for (const each of this.#parts) {
        if (!signal.aborted) await each.verify(run.sinkFor(each.part), signal);
      }
      run.state = signal.aborted ? 'stopped' : 'done';
    } catch (error) {
      run.state = 'failed';
      run.error = RpcError.from(error).message;
      this.#log.error({ err: error }, 'the verification failed');
    }
    run.endTimeMs = this.#clock.wallMs();
    const { parts } = run.report();
    this.#log.info({ state: run.state, parts }, 'the verification ended');
  }
}

function emptyPart(part: string): PartReport {
  return {
    part,
    expectedCount: 0,
    verifiedCount: 0,
    verifiedBytes: 0,
    damagedCount: 0,
    unreadCount: 0,
  };
}
