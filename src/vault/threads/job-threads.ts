import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, type Transferable, Worker } from 'node:worker_threads';
import { assert } from '../../runtime/index.ts';
import { RpcError, type StatusCode } from '../../rpc/index.ts';
import { compileCacheEnvironment } from '../compile-cache.ts';
import { LayerRefusal } from '../layers/layer-entry.ts';
import { type JobInput, type JobOutput, type Slab, StopFlag, type VaultJobs } from './job.ts';
import { JobTurns } from './job-turns.ts';

/** A job under way in a thread. */
export interface RunningJob<Result> {
  /** Rejects with LayerRefusal or RpcError; CANCELLED if it was stopped. */
  readonly result: Promise<Result>;
  readonly isSettled: boolean;
  send(input: JobInput): void;
  /** Asks it to stop; it ends its files and wipes its key before its result rejects. */
  stop(): void;
  /** Called with each slab that it gives back: its bytes are used up. */
  onConsumed: (slab: Slab) => void;
}

/** Threads that are kept warm: loading the code takes longer than opening a small image. */
const idleMax = 1;

/** What a job makes is used up at once: much room for it would only be filled before it is freed. */
const youngMebibytes = 4;

/**
 * Threads for what would keep everybody else waiting: unpacking, hashing, sealing, writing. Each
 * does one job at a time; one that stays without work is kept for the next, with no key in it.
 */
export class JobThreads {
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  /** More at a time would be no faster, and each thread takes memory. */
  readonly #turns = new JobTurns(Math.max(2, availableParallelism()));
  #isClosed = false;

  /** Threads that live, busy or not. */
  get count(): number {
    return this.#all.size;
  }

  /** Moves the job's key into a thread, and does the job there. */
  run<Kind extends keyof VaultJobs>(
    job: VaultJobs[Kind]['job'],
    signal: AbortSignal,
  ): RunningJob<VaultJobs[Kind]['result']> {
    assert(!this.#isClosed, 'no job is begun after the end');
    const worker = this.#idle.pop() ?? this.#start();
    const { port1: ours, port2: theirs } = new MessageChannel();
    const stop = new StopFlag();
    const running = new Job<VaultJobs[Kind]['result']>(worker, ours, stop, signal, (isClean) =>
      this.#release(worker, isClean),
    );
    const { buffer } = job.secret.key;
    const moved: Transferable[] = [theirs, buffer as ArrayBuffer];
    worker.ref();
    worker.postMessage({ job, port: theirs, stop: stop.cell }, moved);
    return running;
  }

  /** Runs it when few of its kind are under way: a hundred starts need no hundred threads. */
  async runInTurn<Kind extends keyof VaultJobs>(
    job: VaultJobs[Kind]['job'],
    signal: AbortSignal,
  ): Promise<VaultJobs[Kind]['result']> {
    const giveBack = await this.#turns.take(signal);
    try {
      return await this.run<Kind>(job, signal).result;
    } finally {
      giveBack();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #start(): Worker {
    const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./job-worker.${suffix}`, import.meta.url), {
      name: 'vault',
      resourceLimits: { maxYoungGenerationSizeMb: youngMebibytes },
      env: compileCacheEnvironment(),
    });
    this.#all.add(worker);
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#all.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return worker;
  }

  async #release(worker: Worker, isClean: boolean): Promise<void> {
    if (!isClean || this.#isClosed || this.#idle.length >= idleMax) {
      await worker.terminate();
      return;
    }
    worker.unref();
    this.#idle.push(worker);
  }
}

/** Resolves only when the thread is released, so that a job that ended holds nothing. */
class Job<Result> implements RunningJob<Result> {
  readonly result: Promise<Result>;
  isSettled = false;
  onConsumed: (slab: Slab) => void = () => undefined;
  readonly #port: MessagePort;
  readonly #stop: StopFlag;

  constructor(
    worker: Worker,
    port: MessagePort,
    stop: StopFlag,
    signal: AbortSignal,
    release: (isClean: boolean) => Promise<void>,
  ) {
    this.#port = port;
    this.#stop = stop;
    const stopped = (): void => this.stop();
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const settle = (isClean: boolean, end: () => void): void => {
      if (this.isSettled) return;
      this.isSettled = true;
      signal.removeEventListener('abort', stopped);
      worker.off('error', failed).off('exit', exited);
      port.close();
      release(isClean).then(end, end);
    };
    const failed = (error: unknown): void => settle(false, () => reject(internal(error)));
    const exited = (): void => failed(new Error('a thread of the vault ended amid a job'));
    port.on('message', (output: JobOutput) => {
      if (output.kind === 'consumed') this.onConsumed(output.slab);
      else if (output.kind === 'done') settle(true, () => resolve(output.result as Result));
      else settle(!signal.aborted, () => reject(errorOf(output)));
    });
    worker.on('error', failed).on('exit', exited);
    this.result = promise;
    // Whoever feeds the job looks at its result only later.
    promise.catch(() => undefined);
    signal.addEventListener('abort', stopped, { once: true });
    if (signal.aborted) this.stop();
  }

  send(input: JobInput): void {
    const moved = input.kind === 'bytes' ? [input.slab.buffer] : [];
    if (!this.isSettled) this.#port.postMessage(input, moved);
  }

  stop(): void {
    this.#stop.set();
    this.send({ kind: 'stop' });
  }
}

function errorOf(output: Extract<JobOutput, { kind: 'failed' }>): Error {
  const { code, reason, message } = output;
  if (code === null) return new LayerRefusal(message);
  if (code === 'INTERNAL') return internal(new Error(message));
  return new RpcError(code as Exclude<StatusCode, 'OK'>, reason, message);
}

function internal(cause: unknown): RpcError {
  return new RpcError('INTERNAL', 'INTERNAL', 'Internal error encountered.', { cause });
}
