import type { Cancel, Clock } from '../../runtime/index.ts';

/** Something with a deadline. It is in at most one wheel; the wheel owns the last four fields. */
export abstract class Timed {
  /** Monotonic; what counts, also while the entry still waits in the slot of an earlier one. */
  deadlineMs = 0;
  slot = -1;
  previous: Timed | null = null;
  next: Timed | null = null;

  /** Called once when the deadline has passed; the entry has left the wheel. */
  abstract expire(): void;
}

const slotMs = 100;

/**
 * Deadlines of many leases under one timer: slots of 100 ms, each a linked list, so that setting,
 * moving and removing are constant time and an acknowledged lease leaves nothing behind. A
 * deadline is never early and at most one slot late.
 */
export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Timed>();
  #armedSlot = Infinity;
  #cancel: Cancel = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts or moves a deadline. Moving it later is free: the old slot passes it on. */
  set(entry: Timed, deadlineMs: number): void {
    entry.deadlineMs = deadlineMs;
    const slot = Math.ceil(deadlineMs / slotMs);
    if (entry.slot >= 0 && entry.slot <= slot) return;
    if (entry.slot >= 0) this.#unlink(entry);
    this.#link(entry, slot);
    this.#arm(slot);
  }

  remove(entry: Timed): void {
    if (entry.slot >= 0) this.#unlink(entry);
  }

  /** Forgets everything without expiring it. */
  close(): void {
    this.#cancel();
    this.#slots.clear();
  }

  #arm(slot: number): void {
    if (slot >= this.#armedSlot) return;
    this.#cancel();
    this.#armedSlot = slot;
    this.#cancel = this.#clock.schedule(slot * slotMs, () => this.#turn());
  }

  #turn(): void {
    this.#armedSlot = Infinity;
    const nowMs = this.#clock.monotonicMs();
    const due = [...this.#slots.keys()].filter((slot) => slot * slotMs <= nowMs);
    for (const slot of due.toSorted((a, b) => a - b)) this.#empty(slot, nowMs);
    let earliest = Infinity;
    for (const slot of this.#slots.keys()) earliest = Math.min(earliest, slot);
    if (earliest < Infinity) this.#arm(earliest);
  }

  #empty(slot: number, nowMs: number): void {
    for (let entry = this.#slots.get(slot); entry; entry = this.#slots.get(slot)) {
      this.#unlink(entry);
      if (entry.deadlineMs > nowMs) this.#link(entry, Math.ceil(entry.deadlineMs / slotMs));
      else entry.expire();
    }
  }

  #link(entry: Timed, slot: number): void {
    const head = this.#slots.get(slot) ?? null;
    entry.slot = slot;
    entry.previous = null;
    entry.next = head;
    if (head) head.previous = entry;
    this.#slots.set(slot, entry);
  }

  #unlink(entry: Timed): void {
    if (entry.previous) entry.previous.next = entry.next;
    else if (entry.next) this.#slots.set(entry.slot, entry.next);
    else this.#slots.delete(entry.slot);
    if (entry.next) entry.next.previous = entry.previous;
    entry.slot = -1;
    entry.previous = null;
    entry.next = null;
  }
}
