import type { Environment } from '../environment.ts';
import type { Message } from './message.ts';
import type { Settler } from './settler.ts';

/** One delivered message that is neither acknowledged nor given back. */
export interface Lease {
  readonly ackId: string;
  readonly message: Message;
  readonly bytes: number;
  /** No automatic extension reaches beyond it. */
  extendUntilMs: number;
  deadlineMs: number;
  /** The iteration has handed it out. */
  isHeld: boolean;
  /** An extension is on its way. */
  isExtending: boolean;
}

/** The shortest that there is (pubsub.v1). */
const ackDeadlineSecondsMin = 10;
/** Extensions are sent when less than so much of the deadline's span is left. */
const marginShare = 0.6;
/** Looked at so often within a span. */
const looksPerSpan = 4;

/** The leases of one subscription, extended before they end for as long as they may be. */
export class Leases {
  readonly #environment: Environment;
  readonly #settler: Settler;
  readonly #onLapse: (lease: Lease) => void;
  readonly #leases = new Map<string, Lease>();
  #spanMs = ackDeadlineSecondsMin * 1_000;
  #cancelTimer: (() => void) | undefined;
  #heldCount = 0;
  #heldBytes = 0;

  constructor(environment: Environment, settler: Settler, onLapse: (lease: Lease) => void) {
    this.#environment = environment;
    this.#settler = settler;
    this.#onLapse = onLapse;
  }

  get size(): number {
    return this.#leases.size;
  }

  /** Messages, and their bytes, that the iteration handed out. */
  get heldCount(): number {
    return this.#heldCount;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The ack deadline of what is delivered from now on. */
  set ackDeadlineSeconds(seconds: number) {
    this.#spanMs = Math.max(seconds, ackDeadlineSecondsMin) * 1_000;
  }

  add(given: Pick<Lease, 'ackId' | 'message' | 'bytes'>, extensionMs: number): Lease {
    const nowMs = this.#environment.nowMs();
    const lease: Lease = {
      ...given,
      extendUntilMs: nowMs + extensionMs,
      deadlineMs: nowMs + this.#spanMs,
      isHeld: false,
      isExtending: false,
    };
    this.#leases.set(lease.ackId, lease);
    this.#watch();
    return lease;
  }

  /** Does nothing where there is no lease any more, as after the end of an ephemeral stream. */
  hold(lease: Lease): void {
    if (!this.#leases.has(lease.ackId)) return;
    lease.isHeld = true;
    this.#heldCount++;
    this.#heldBytes += lease.bytes;
  }

  /** Ends a lease that was acknowledged, given back, or ended by itself. */
  remove(ackId: string): void {
    const lease = this.#leases.get(ackId);
    if (lease === undefined) return;
    this.#leases.delete(ackId);
    if (!lease.isHeld) return;
    this.#heldCount--;
    this.#heldBytes -= lease.bytes;
  }

  /** The user takes over: the lease ends then, unless it is settled before. */
  leaveTo(ackId: string, seconds: number): void {
    const lease = this.#leases.get(ackId);
    if (lease === undefined) return;
    lease.deadlineMs = this.#environment.nowMs() + seconds * 1_000;
    lease.extendUntilMs = 0;
  }

  /** Forgets all of them; returns their ack ids. */
  clear(): string[] {
    const ackIds = [...this.#leases.keys()];
    this.#leases.clear();
    this.#heldCount = 0;
    this.#heldBytes = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    return ackIds;
  }

  #watch(): void {
    this.#cancelTimer ??= this.#environment.schedule(this.#spanMs / looksPerSpan, () => {
      this.#cancelTimer = undefined;
      this.#look();
      if (this.#leases.size > 0) this.#watch();
    });
  }

  #look(): void {
    const nowMs = this.#environment.nowMs();
    for (const lease of this.#leases.values()) {
      const leftMs = lease.deadlineMs - nowMs;
      if (nowMs < lease.extendUntilMs) {
        if (leftMs < this.#spanMs * marginShare && !lease.isExtending) this.#extend(lease);
      } else if (leftMs <= 0) {
        this.remove(lease.ackId);
        this.#onLapse(lease);
      }
    }
  }

  #extend(lease: Lease): void {
    const seconds = Math.ceil(this.#spanMs / 1_000);
    // From now: the server counts from when it hears of it, which is later.
    const deadlineMs = this.#environment.nowMs() + seconds * 1_000;
    lease.isExtending = true;
    this.#settler.settle(lease.ackId, seconds).then(
      (result) => {
        lease.isExtending = false;
        if (result === 'done') lease.deadlineMs = Math.max(lease.deadlineMs, deadlineMs);
        else this.#lapse(lease);
      },
      () => this.#lapse(lease),
    );
  }

  #lapse(lease: Lease): void {
    if (!this.#leases.has(lease.ackId)) return;
    this.remove(lease.ackId);
    this.#onLapse(lease);
  }
}
