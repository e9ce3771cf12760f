import { type Clock, pause } from '../../runtime/index.ts';
import type { Revision } from '../services/service.ts';
import type { InstanceExit, RunningInstance } from './instance-driver.ts';
import type { Instance, InstanceReport, InstanceState, StartTimes } from './instances.ts';

/** Between SIGTERM and SIGKILL, as in Cloud Run. */
const graceMs = 10_000;

/** One instance from the start of its start to its end. */
export class LiveInstance {
  readonly id: string;
  readonly revision: Revision;
  readonly slot: number;
  readonly instance: Instance;
  /** Aborted when its start is given up, with the reason. */
  readonly starting: AbortController = new AbortController();
  /** Aborted when its process has ended, or is being ended. */
  readonly ending: AbortController = new AbortController();
  /** Resolves when nothing is left of it. */
  readonly gone: Promise<void>;
  isReady = false;
  /** How it ended, if it did. */
  exit: InstanceExit | null = null;
  /** What is stored of it; null: nothing yet. */
  report: InstanceReport | null = null;
  stopping: Promise<void> | null = null;
  #running: RunningInstance | null = null;
  readonly #settle: { ended: (why: string) => void; gone: () => void };

  constructor(id: string, revision: Revision, slot: number) {
    this.id = id;
    this.revision = revision;
    this.slot = slot;
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    this.gone = gone;
    this.#settle = { ended: resolve, gone: go };
    this.instance = { id, revision: revision.name, ended, connect: () => this.#connect() };
  }

  /** It has a process from now on; the signal is aborted when that is no use any more. */
  run(running: RunningInstance): AbortSignal {
    this.#running = running;
    void running.exited.then((exit) => {
      this.exit = exit;
      this.ending.abort();
    });
    return AbortSignal.any([this.starting.signal, this.ending.signal]);
  }

  /** Null: it has no process yet. */
  get running(): RunningInstance | null {
    return this.#running;
  }

  begin(driver: string, nowMs: number): InstanceReport {
    const { id, revision } = this;
    this.report = {
      id,
      revision: revision.name,
      state: 'STARTING',
      driver,
      startedMs: nowMs,
      stoppedMs: null,
      why: null,
      times: null,
      bytes: 0,
    };
    return this.report;
  }

  become(state: InstanceState, more: Partial<InstanceReport> = {}): InstanceReport | null {
    this.report &&= { ...this.report, ...more, state };
    return this.report;
  }

  ready(times: StartTimes, bytes: number): void {
    this.isReady = true;
    this.become('READY', { times, bytes });
  }

  /** It takes no more requests. */
  end(why: string): void {
    this.isReady = false;
    this.ending.abort();
    this.#settle.ended(why);
  }

  vanish(): void {
    this.#settle.gone();
  }

  /** SIGTERM, time to finish, SIGKILL; at once without `isGentle`. Resolves when it has ended. */
  async terminate(clock: Clock, isGentle: boolean): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    if (isGentle && this.exit === null) {
      running.signal('SIGTERM');
      const patience = new AbortController();
      const exited = running.exited.then(() => patience.abort());
      await Promise.race([pause(clock, graceMs, patience.signal), exited]);
    }
    if (this.exit === null) running.signal('SIGKILL');
    await running.exited;
  }

  #connect(): ReturnType<Instance['connect']> {
    if (this.isReady && this.#running !== null) return this.#running.connect();
    return Promise.reject(new Error(`instance ${this.id} takes no requests`));
  }
}
