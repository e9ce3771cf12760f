import { backoffMs, type Clock, type Logger, pause } from '../../runtime/index.ts';

/** Something that must be done for a service, however often it takes. */
export interface LaneTask {
  readonly what: string;
  /** A wish for a later generation makes it pointless; null: nothing does. */
  readonly generation: number | null;
  /** Returns, and does not throw, when `signal` ends it. */
  run(signal: AbortSignal): Promise<void>;
}

interface Lane {
  readonly waiting: LaneTask[];
  current: { readonly task: LaneTask; readonly controller: AbortController } | null;
}

const retryBounds = { first: 1_000, longest: 60_000 };

/** Work on services: in order and one at a time for each, side by side for several. */
export class Lanes {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lanes = new Map<string, Lane>();
  readonly #driven = new Set<Promise<void>>();
  #isStopped = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  add(name: string, task: LaneTask): void {
    if (this.#isStopped) return;
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.waiting.push(task);
      return;
    }
    const fresh: Lane = { waiting: [task], current: null };
    this.#lanes.set(name, fresh);
    const driven = this.#drive(name, fresh).finally(() => this.#driven.delete(driven));
    this.#driven.add(driven);
  }

  /** Ends what runs for a service, if it is for an earlier generation. */
  interrupt(name: string, generation: number): void {
    const current = this.#lanes.get(name)?.current;
    const running = current?.task.generation ?? null;
    if (running !== null && running < generation) current?.controller.abort();
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    while (this.#driven.size > 0) await Promise.all(this.#driven);
  }

  /** Ends everything, and resolves when nothing runs. What was not done is done after a restart. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const lane of this.#lanes.values()) {
      lane.waiting.length = 0;
      lane.current?.controller.abort();
    }
    await this.idle();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  async #drive(name: string, lane: Lane): Promise<void> {
    for (let task = lane.waiting.shift(); task !== undefined; task = lane.waiting.shift()) {
      const controller = new AbortController();
      lane.current = { task, controller };
      await this.#persist(name, task, controller.signal);
      lane.current = null;
    }
    this.#lanes.delete(name);
  }

  /** A task that throws met a disk or a bug: it is tried again, ever more rarely. */
  async #persist(name: string, task: LaneTask, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await task.run(signal);
        return;
      } catch (error) {
        const waitMs = backoffMs(retryBounds, attempt);
        this.#log.error({ err: error, lane: name, attempt, waitMs }, `${task.what} failed`);
        await pause(this.#clock, waitMs, signal);
      }
    }
  }
}

/** Lets a bounded number of tasks run at once, in the order in which they came. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
