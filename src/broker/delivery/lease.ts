import type { DeliveryType } from '../observer.ts';
import type { Backlog } from './backlog.ts';
import type { RestoredLease } from './backlog-options.ts';
import type { Consumer } from './consumer.ts';
import { Timed } from './deadline-wheel.ts';
import type { KeyQueue } from './key-queue.ts';

/**
 * Where a message stands that was scanned and is not acknowledged.
 *
 * - `available`: deliverable now.
 * - `outstanding`: delivered, and its deadline has not passed.
 * - `delayed`: failed, and waits for its retry.
 * - `transforming`: its subscription's transforms are being run, or wait for their turn.
 * - `forwarding`: failed too often, and on its way to the dead letter topic.
 * - `held`: behind an earlier message of its ordering key.
 * - `ahead`: acknowledged before an earlier message of its ordering key was.
 * - `ended`: done; nothing refers to it any more.
 */
export type LeaseState =
  | 'available'
  | 'outstanding'
  | 'delayed'
  | 'transforming'
  | 'forwarding'
  | 'held'
  | 'ahead'
  | 'ended';

/** A message as it leaves. */
export interface HandedOut {
  readonly bytes: number;
  readonly publishTimeMs: number;
  readonly deliveredMs: number;
  readonly deadlineMs: number;
}

/** The broker's record of one message that was scanned and not yet acknowledged. */
export class Lease extends Timed {
  readonly sequence: number;
  readonly backlog: Backlog;
  state: LeaseState = 'available';
  /** Its filter was asked and its ordering key is known. */
  isScanned = false;
  /** It was handed out by this process: its bytes are known. */
  isSized = false;
  bytes = 0;
  publishTimeMs = 0;
  /** Deliveries so far: the number in its ack id. */
  attempt = 0;
  /** Nacks and deadlines that passed: what a delivery attempt counts (pubsub.v1 ReceivedMessage). */
  failures = 0;
  /** Of its last delivery; empty if that is void. */
  ackId = '';
  /** Who has it, while it is outstanding; null if that was before a restart. */
  holder: Consumer | null = null;
  /** Exactly once: the disk has its lease not yet, and its message did not leave. */
  isLeaving = false;
  /**
   * Monotonic ms. Delayed: when its retry is due, 0 if that asks for no delay. Forwarding: before
   * when it must not come again if that fails.
   */
  dueMs = 0;
  /** How it was last handed out; of no meaning before that. */
  type: DeliveryType = 'pull';
  /** Whole milliseconds of the monotonic clock; -1 if it was last handed out before a restart. */
  deliveredMs = -1;
  /** Of its ordering key; null without one. */
  queue: KeyQueue | null = null;
  /** Its neighbours among the messages of its key. */
  earlier: Lease | null = null;
  later: Lease | null = null;

  constructor(backlog: Backlog, sequence: number) {
    super();
    this.backlog = backlog;
    this.sequence = sequence;
  }

  get isOutstanding(): boolean {
    return this.state === 'outstanding';
  }

  /** It is outstanding, once more; it was looked at by now. */
  handedOut(holder: Consumer, message: HandedOut, ackId: string): void {
    this.isSized = true;
    this.isScanned = true;
    this.state = 'outstanding';
    this.isLeaving = false;
    this.bytes = message.bytes;
    this.publishTimeMs = message.publishTimeMs;
    this.ackId = ackId;
    this.holder = holder;
    this.type = holder.type;
    this.deliveredMs = Math.round(message.deliveredMs);
  }

  /** It was outstanding before a restart, and still is. */
  restored(was: RestoredLease, ackId: string): void {
    this.state = 'outstanding';
    this.isScanned = was.isScanned;
    this.attempt = was.attempt;
    this.failures = was.failures;
    this.ackId = ackId;
  }

  override expire(): void {
    this.backlog.expire(this);
  }
}

/** When the first of them ends unless something happens; Infinity if none is outstanding. */
export function nextDeadlineMs(leases: Iterable<Lease>): number {
  let nextMs = Infinity;
  for (const lease of leases) {
    if (lease.isOutstanding && lease.deadlineMs < nextMs) nextMs = lease.deadlineMs;
  }
  return nextMs;
}
