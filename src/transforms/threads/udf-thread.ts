import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../runtime/index.ts';
import type { TransformLimits } from '../limits.ts';
import { type Place, SignOfLife } from './sign-of-life.ts';
import type { Order, Turn, TurnEnd } from './turn.ts';

/** The thread ended amid a turn. */
export interface ThreadLoss {
  readonly lostAt: Place;
  /** It was ended because nothing moved in it any more. */
  readonly isStall: boolean;
}

/** Looks so often at a thread before it is taken for dead: one look could be at a sleeping host. */
const looks = 4;
const mebibytes = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** One thread for users' functions, started when it is first needed and again after it was lost. */
export class UdfThread {
  readonly #clock: Clock;
  readonly #limits: TransformLimits;
  readonly #life = new SignOfLife();
  #worker: Worker | null = null;
  #isBusy = false;

  constructor(clock: Clock, limits: TransformLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get isAlive(): boolean {
    return this.#worker !== null;
  }

  /** One turn at a time. */
  async run(turn: Turn): Promise<TurnEnd | ThreadLoss> {
    const worker = this.#started();
    if (worker === null) return { lostAt: 'idle', isStall: false };
    this.#isBusy = true;
    worker.ref();
    try {
      return await this.#ended(worker, turn);
    } finally {
      worker.unref();
      this.#isBusy = false;
    }
  }

  forget(id: number): void {
    const order: Order = { kind: 'forget', id };
    this.#worker?.postMessage(order, []);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  /** Null: the system has no thread to give now. */
  #started(): Worker | null {
    try {
      return (this.#worker ??= this.#start());
    } catch {
      return null;
    }
  }

  #start(): Worker {
    this.#life.reset();
    const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./udf-worker.${suffix}`, import.meta.url), {
      name: 'transforms',
      workerData: { limits: this.#limits, life: this.#life.cell },
      resourceLimits: mebibytes,
      env: environment(),
    });
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }

  #ended(worker: Worker, turn: Turn): Promise<TurnEnd | ThreadLoss> {
    const { promise, resolve } = Promise.withResolvers<TurnEnd | ThreadLoss>();
    let isStall = false;
    const stopWatching = this.#watch(() => {
      isStall = true;
      void worker.terminate();
    });
    const lost = (): void => resolve({ lostAt: this.#life.place, isStall });
    worker.once('message', resolve).once('exit', lost);
    const order: Order = turn;
    worker.postMessage(order, [turn.messages.bytes.buffer]);
    return promise.finally(() => {
      stopWatching();
      worker.off('message', resolve).off('exit', lost);
    });
  }

  /** Calls `stalled` once the thread has been amid the same work for so many looks. */
  #watch(stalled: () => void): () => void {
    let beats = this.#life.beats;
    let still = 0;
    const look = (): void => {
      const isStill = this.#life.place !== 'idle' && this.#life.beats === beats;
      still = isStill ? still + 1 : 0;
      beats = this.#life.beats;
      if (still >= looks) stalled();
      else cancel = this.#later(look);
    };
    let cancel = this.#later(look);
    return () => cancel();
  }

  #later(look: () => void): () => void {
    return this.#clock.schedule(this.#clock.monotonicMs() + this.#limits.stallMs / looks, look);
  }
}

/** Nothing of ours but where compiled code is kept: from sources, a start is twice as long without. */
function environment(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
