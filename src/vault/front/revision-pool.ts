import type { Cancel, Clock } from '../../runtime/index.ts';
import type { Instance, Instances } from '../instances/instances.ts';
import type { Revision } from '../services/service.ts';
import { InstanceSlot } from './instance-slot.ts';
import { planScale, type Routing, type ScaleView } from './scale-plan.ts';
import { StartHistory } from './start-history.ts';
import { WaitingLine, type Admission } from './waiting-line.ts';

/** What a pool asks of all of them together. */
export interface PoolSurroundings {
  readonly instances: Instances;
  readonly clock: Clock;
  readonly idleMs: number;
  /** The revision as it is now; rejects if it is gone. */
  latest(revision: Revision): Promise<Revision>;
  /** True unless the key is known not to be good, or nothing may start any more. */
  isKeyGood(revision: Revision): boolean;
  /** How many more instances may start, of all services. */
  room(): number;
  /** There was less room than this pool needs; it is asked again when there is more. */
  starved(pool: RevisionPool): void;
  /** An instance has gone, or has nothing to do. */
  relaxed(pool: RevisionPool): void;
  /** A start failed. */
  startFailed(revision: Revision, error: unknown): void;
  /** A request found nothing that runs, and the key is not good. */
  keyRefused(revision: Revision): void;
}

/** Requests that wait for one revision; more are refused. */
const waitingMax = 1_000;

/** The instances of one revision, the requests that wait for them, and how many there should be. */
export class RevisionPool {
  readonly revision: Revision;
  readonly #around: PoolSurroundings;
  readonly #slots: Map<string, InstanceSlot> = new Map();
  readonly #line: WaitingLine;
  readonly #history: StartHistory = new StartHistory();
  readonly #starts: Set<AbortController> = new Set();
  readonly #seen: WeakSet<Instance> = new WeakSet();
  #leaving = 0;
  #routing: Routing;
  #cancelTimer: Cancel | undefined;
  #timerMs = Infinity;
  #isClosed = false;

  constructor(revision: Revision, routing: Routing, around: PoolSurroundings) {
    this.revision = revision;
    this.#routing = routing;
    this.#around = around;
    this.#line = new WaitingLine(around.clock, waitingMax, () =>
      this.#slots.size > 0 ? 'saturated' : 'unavailable',
    );
  }

  /** Instances that hold memory: those that start or stop included. */
  get size(): number {
    return this.#slots.size + this.#starts.size + this.#leaving;
  }

  /** True while an instance stops: there will be more room. */
  get isShrinking(): boolean {
    return this.#leaving > 0;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** True if forgetting it loses nothing. */
  get isSpent(): boolean {
    return this.#routing !== 'routed' && this.size === 0 && this.waiting === 0;
  }

  /** A place for a request; waits for one if it may come in time. */
  admit(signal: AbortSignal): Promise<Admission> {
    if (this.#isClosed) return Promise.resolve('unavailable');
    const free = this.#line.length === 0 ? this.#freeSlot() : undefined;
    if (free !== undefined) return Promise.resolve(free.take());
    const nowMs = this.#around.clock.monotonicMs();
    const deadlineMs = nowMs + this.#history.patienceMs;
    if (this.#slots.size === 0 && !this.#canStartBy(deadlineMs)) {
      return Promise.resolve('unavailable');
    }
    const admission = this.#line.join(deadlineMs, signal);
    this.reconcile();
    return admission;
  }

  /** An instance became ready, whoever started it. */
  adopt(instance: Instance): void {
    const { id } = instance;
    if (this.#seen.has(instance) || this.#isClosed) return;
    this.#seen.add(instance);
    const { clock } = this.#around;
    const slot = new InstanceSlot(
      instance,
      () => clock.monotonicMs(),
      (released) => this.#onRelease(released),
    );
    this.#slots.set(id, slot);
    void instance.ended.then(() => this.#onEnded(slot));
    this.reconcile();
  }

  route(isRouted: boolean): void {
    if (isRouted) this.#routing = 'routed';
    else if (this.#routing === 'routed') this.#routing = 'retired';
    this.reconcile();
  }

  /** The key changed. */
  keyChanged(isGood: boolean): void {
    if (isGood) this.#history.forgive();
    else if (this.#slots.size === 0) this.#line.refuseAll('unavailable');
    this.reconcile();
  }

  /** Since when the instance that could be spared first has been idle; undefined: none can. */
  get spareSinceMs(): number | undefined {
    const floor = this.#routing === 'routed' ? this.revision.settings.minInstances : 0;
    if (this.#slots.size <= floor || this.#line.length > 0) return undefined;
    const isKept = this.#routing === 'routed' && !this.#around.isKeyGood(this.revision);
    return isKept ? undefined : this.#idlest()?.idleSinceMs;
  }

  /** Stops the one that has been idle for longest. */
  stopSpare(): void {
    const slot = this.#idlest();
    if (slot !== undefined) this.#stop(slot);
  }

  /** Makes what runs fit what is needed, as far as that can be done now. */
  reconcile(): void {
    if (this.#isClosed) return;
    this.#seatWaiting();
    const plan = planScale(this.#view());
    for (let count = 0; count < plan.stop; count++) this.stopSpare();
    const room = plan.start > 0 ? Math.max(0, this.#around.room()) : 0;
    for (let count = 0; count < Math.min(plan.start, room); count++) void this.#start();
    if (plan.start > room) this.#around.starved(this);
    this.#arm(plan.lookAgainMs);
  }

  /** No more starts, no more waiting; what runs is left to its owner. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    for (const start of this.#starts) start.abort();
    this.#line.close();
    for (const slot of this.#slots.values()) slot.retire();
  }

  /** Nothing runs and nothing will: whoever waits is told. */
  giveUp(): void {
    if (this.#slots.size === 0) this.#line.refuseAll('unavailable');
  }

  #canStartBy(deadlineMs: number): boolean {
    if (this.#starts.size > 0) return true;
    if (this.#around.isKeyGood(this.revision)) return this.#history.notBeforeMs <= deadlineMs;
    this.#around.keyRefused(this.revision);
    return false;
  }

  async #start(): Promise<void> {
    const abort = new AbortController();
    const { instances, clock } = this.#around;
    const fromMs = clock.monotonicMs();
    this.#starts.add(abort);
    try {
      const instance = await instances.start(
        await this.#around.latest(this.revision),
        abort.signal,
      );
      this.#history.started(clock.monotonicMs() - fromMs);
      this.#starts.delete(abort);
      this.adopt(instance);
    } catch (error) {
      this.#starts.delete(abort);
      if (abort.signal.aborted) return;
      this.#history.failed(clock.monotonicMs());
      this.#around.startFailed(this.revision, error);
      if (this.#slots.size + this.#starts.size === 0) this.#line.refuseAll('unavailable');
      this.#around.relaxed(this);
      this.reconcile();
    }
  }

  #stop(slot: InstanceSlot): void {
    this.#remove(slot);
    this.#leaving += 1;
    const onGone = (): void => {
      this.#leaving -= 1;
      this.#around.relaxed(this);
    };
    this.#around.instances.stop(slot.instance.id, 'scaled down').then(onGone, onGone);
  }

  #onEnded(slot: InstanceSlot): void {
    if (!this.#remove(slot) || this.#isClosed) return;
    const nowMs = this.#around.clock.monotonicMs();
    this.#history.ended(nowMs, nowMs - slot.readySinceMs);
    const cannotStart = !this.#around.isKeyGood(this.revision);
    if (this.#slots.size + this.#starts.size === 0 && cannotStart) this.giveUp();
    this.#around.relaxed(this);
    this.reconcile();
  }

  #remove(slot: InstanceSlot): boolean {
    slot.retire();
    return this.#slots.delete(slot.instance.id);
  }

  #onRelease(slot: InstanceSlot): void {
    if (this.#isClosed || !this.#slots.has(slot.instance.id)) return;
    if (this.#line.length > 0) this.#seatWaiting();
    if (slot.active > 0) return;
    this.#around.relaxed(this);
    this.reconcile();
  }

  #seatWaiting(): void {
    while (this.#line.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) return;
      this.#line.admit(slot.take());
    }
  }

  /** The one with the fewest requests; of equals the oldest, so that the others fall idle. */
  #freeSlot(): InstanceSlot | undefined {
    let best: InstanceSlot | undefined;
    for (const slot of this.#slots.values()) {
      if (best === undefined || slot.active < best.active) best = slot;
    }
    const isFree = best !== undefined && best.active < this.revision.template.containerConcurrency;
    return isFree ? best : undefined;
  }

  #idlest(): InstanceSlot | undefined {
    let idlest: InstanceSlot | undefined;
    for (const slot of this.#slots.values()) {
      if (slot.active > 0) continue;
      if (idlest === undefined || slot.idleSinceMs < idlest.idleSinceMs) idlest = slot;
    }
    return idlest;
  }

  #view(): ScaleView {
    const { settings, template } = this.revision;
    const idle = [...this.#slots.values()].filter(({ active }) => active === 0);
    return {
      routing: this.#routing,
      minInstances: settings.minInstances,
      maxInstances: settings.maxInstances,
      concurrency: template.containerConcurrency,
      ready: this.#slots.size,
      idleSinceMs: idle.map(({ idleSinceMs }) => idleSinceMs),
      starting: this.#starts.size,
      waiting: this.#line.length,
      isKeyGood: this.#around.isKeyGood(this.revision),
      notBeforeMs: this.#history.notBeforeMs,
      nowMs: this.#around.clock.monotonicMs(),
      idleMs: this.#around.idleMs,
    };
  }

  #arm(atMs: number): void {
    if (atMs >= this.#timerMs) return;
    this.#cancelTimer?.();
    this.#timerMs = atMs;
    this.#cancelTimer = this.#around.clock.schedule(atMs, () => {
      this.#timerMs = Infinity;
      this.reconcile();
    });
  }
}
