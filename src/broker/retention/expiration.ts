import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Registry } from '../registry.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { Subscriptions } from '../resources/subscriptions.ts';

const hourMs = 3_600_000;
/** Whoever was cut off by a stop of the broker has so long to come back. */
const graceMs = 600_000;

/** As the audit log of Pub/Sub names what nobody asked for. */
const events = {
  subscription: 'google.pubsub.v1.Subscriber.InternalExpireInactiveSubscription',
  snapshot: 'google.pubsub.v1.Subscriber.InternalExpireInactiveSnapshot',
} as const;

/**
 * Deletes subscriptions that nobody has used for as long as their policy says, and snapshots whose
 * time has come.
 *
 * Used means: an open stream, a Pull, an acknowledgement or a changed deadline, a seek, a snapshot
 * of it, a change of its properties, and pushes that succeed (pubsub.v1 Subscription
 * expiration_policy). Reading its properties is no use of it.
 */
export class Expiration {
  readonly #registry: Registry;
  readonly #subscriptions: Subscriptions;
  readonly #snapshots: Snapshots;
  readonly #startedMs: number;
  /** Of the monotonic clock. */
  #lastSweepMs: number;

  constructor(registry: Registry, of: { subscriptions: Subscriptions; snapshots: Snapshots }) {
    this.#registry = registry;
    this.#subscriptions = of.subscriptions;
    this.#snapshots = of.snapshots;
    const { clock } = registry.ports;
    this.#startedMs = clock.wallMs();
    this.#lastSweepMs = clock.monotonicMs();
  }

  async sweep(): Promise<void> {
    const { snapshots, subscriptions, detached, ports } = this.#registry;
    const nowMs = ports.clock.wallMs();
    for (const { row } of snapshots.values()) {
      if (row.expireTimeMs <= nowMs) await this.#try(() => this.#expireSnapshot(row.name));
    }
    const sinceMs = this.#lastSweepMs;
    this.#lastSweepMs = ports.clock.monotonicMs();
    for (const state of subscriptions.values()) {
      if (isConsumed(state, sinceMs)) state.lastUsedMs = nowMs;
      if (state.row.expirationTtlMs !== undefined) await this.#try(() => this.#look(state));
    }
    for (const row of detached.values()) await this.#try(() => this.#lookDetached(row));
  }

  async #look(state: SubscriptionState): Promise<void> {
    // One from before this was kept: its time begins with this process, and goes on in the next.
    if (state.row.lastActiveMs === undefined && state.lastUsedMs === 0) {
      state.lastUsedMs = this.#startedMs;
    }
    const { row, lastUsedMs } = state;
    if (this.#isOver(row, lastUsedMs)) {
      const isStillOver = (): boolean => this.#isOver(state.row, state.lastUsedMs);
      return await this.#expireSubscription(row.name, isStillOver);
    }
    if (lastUsedMs - (row.lastActiveMs ?? 0) >= stepMs(row)) {
      await this.#subscriptions.noteActivity(state);
    }
  }

  async #lookDetached(row: SubscriptionRow): Promise<void> {
    const { detached } = this.#registry;
    const isOver = (): boolean => this.#isOver(detached.get(row.name) ?? row, 0);
    if (isOver()) await this.#expireSubscription(row.name, isOver);
  }

  #isOver(row: SubscriptionRow, lastUsedMs: number): boolean {
    const { expirationTtlMs, lastActiveMs } = row;
    const nowMs = this.#registry.ports.clock.wallMs();
    if (expirationTtlMs === undefined || nowMs - this.#startedMs < graceMs) return false;
    const storedMs = lastActiveMs ?? this.#startedMs;
    // What is stored may be a step behind what an earlier process saw.
    const earlierMs = Math.min(storedMs + stepMs(row), this.#startedMs);
    return nowMs - Math.max(lastUsedMs, storedMs, earlierMs) > expirationTtlMs;
  }

  async #expireSubscription(name: string, isStillOver: () => boolean): Promise<void> {
    if (!(await this.#subscriptions.deleteIf(name, isStillOver))) return;
    const { log } = this.#registry.ports;
    log.info({ subscription: name }, `${events.subscription}: nobody used it any more`);
  }

  async #expireSnapshot(name: string): Promise<void> {
    await this.#snapshots.delete(name);
    this.#registry.ports.log.info({ snapshot: name }, `${events.snapshot}: its time has come`);
  }

  async #try(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#registry.ports.log.warn({ err: error }, 'an expiry failed; it comes again');
    }
  }
}

/** Whether somebody takes messages now, or push brought some since the last look. */
function isConsumed(state: SubscriptionState, sinceMs: number): boolean {
  const { pushStatus, lastDeliveredMs } = state;
  if (Object.values(state.streamStates()).some((count) => count > 0)) return true;
  if (pushStatus === null || pushStatus.lastFailure !== null) return false;
  return lastDeliveredMs !== null && lastDeliveredMs >= sinceMs;
}

/** Its last use is stored so coarsely. */
const stepMs = ({ expirationTtlMs = 0 }: SubscriptionRow): number =>
  Math.max(hourMs, expirationTtlMs / 100);
