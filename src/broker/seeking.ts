import { storageRefusal } from '../envelope/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { SeekPreview } from './peek/backlog-views.ts';
import { seekCounts } from './peek/seek-counts.ts';
import type { Registry } from './registry.ts';
import type { SeekTarget } from './service.ts';
import { readSnapshot, type Unacknowledged } from './snapshots/snapshot-log.ts';
import type { SubscriptionState } from './subscription-state.ts';

/** What a seek to a time does to the log's sequences. */
export interface SeekPlan {
  /** Below, everything is acknowledged. */
  readonly cut: number;
  /** From here on nothing is; in between it stays as it is. Infinity: nothing comes back. */
  readonly resurrectFrom: number;
}

/**
 * Acknowledges and gives back messages in bulk. Needs no key: it moves sequences, and opens
 * nothing. Streams stay open, and get what comes back.
 */
export class Seeking {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Durable when it resolves; ack ids from before it name nothing any more. Whole or not at all. */
  async seek(name: string, target: SeekTarget): Promise<void> {
    const { observer } = this.#registry.ports;
    try {
      this.#registry.refuseWhenDraining();
      await this.#registry.changes.run(() => this.#seek(name, target));
      observer.seek(name, 'OK');
    } catch (error) {
      observer.seek(name, RpcError.from(error).code);
      throw error;
    }
  }

  async #seek(name: string, target: SeekTarget): Promise<void> {
    const state = this.#registry.subscription(name);
    state.lastUsedMs = this.#registry.ports.clock.wallMs();
    const sought = await this.#aim(state, target);
    // In one turn: what is acknowledged meanwhile is in the backlog already.
    state.reset(sought());
    await state.flushed();
  }

  /** What a seek would do now. Changes nothing, the time of last use neither. */
  async preview(name: string, target: SeekTarget): Promise<SeekPreview> {
    this.#registry.refuseWhenDraining();
    const state = this.#registry.subscription(name);
    const sought = await this.#aim(state, target);
    const keptFromMs = await this.#keptFromMs(state);
    const { tail } = state.topic.lane;
    const isExact = state.filter === null;
    return { ...seekCounts(state.backlog, sought(), tail), keptFromMs, isExact };
  }

  /** Where the seek leads, from where the backlog is when that is asked. */
  async #aim(state: SubscriptionState, target: SeekTarget): Promise<() => Unacknowledged> {
    if ('snapshot' in target) {
      const snapshot = this.#registry.snapshot(target.snapshot);
      if (snapshot.topic !== state.topic) throw otherTopic();
      const stored = await readSnapshot(this.#registry.ports, snapshot.row);
      return () => stored;
    }
    const plan = await this.#plan(state, target.timeMs);
    return () => soughtState(state.backlog, plan);
  }

  /** Publish time of the oldest message that is kept though it may be acknowledged. */
  async #keptFromMs(state: SubscriptionState): Promise<number | null> {
    const { tail } = state.topic.lane;
    const { resurrectFrom } = await this.#plan(state, 0);
    if (resurrectFrom >= tail) return null;
    return (await state.topic.reader.publishTimeMs(resurrectFrom)) ?? null;
  }

  /** A message of exactly that time comes again; what is published from now on always comes. */
  async #plan(state: SubscriptionState, timeMs: number): Promise<SeekPlan> {
    const { tail, appender } = state.topic.lane;
    const { store } = this.#registry.ports;
    try {
      const [stored] = await store.tails([appender.log]);
      // Publish times are whole milliseconds: a fraction excludes the one that it is in.
      const found = await store.locate(appender.log, Math.ceil(timeMs));
      const retained = await this.#retainedFrom(state);
      return {
        cut: Math.min(found, tail),
        resurrectFrom: Math.max(retained, stored?.trim ?? 0),
      };
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  /** The first sequence that is kept though it may be acknowledged; Infinity: none is. */
  async #retainedFrom({ row, topic }: SubscriptionState): Promise<number> {
    const { ports } = this.#registry;
    const horizon = async (retentionMs: number): Promise<number> =>
      await ports.store.locate(topic.lane.appender.log, ports.clock.wallMs() - retentionMs);
    const ofSubscription = row.retainAckedMessages
      ? Math.max(await horizon(row.messageRetentionMs), row.start)
      : Infinity;
    // Also of messages from before the subscription was created (pubsub.v1 Topic).
    const retentionMs = this.#registry.retentionMs(topic);
    const ofTopic = retentionMs === undefined ? Infinity : await horizon(retentionMs);
    return Math.min(ofSubscription, ofTopic);
  }
}

/** Where a backlog stands after a seek to a time. */
export function soughtState(
  backlog: { readonly frontier: number; holes(): Iterable<number> },
  { cut, resurrectFrom }: SeekPlan,
): Unacknowledged {
  const from = Math.max(cut, resurrectFrom);
  const frontier = Math.max(cut, Math.min(from, backlog.frontier));
  const holes: number[] = [];
  for (const hole of backlog.holes()) {
    if (hole >= frontier) break;
    if (hole >= cut) holes.push(hole);
  }
  return { frontier, holes };
}

const otherTopic = (): RpcError =>
  new RpcError(
    'FAILED_PRECONDITION',
    'SNAPSHOT_OF_ANOTHER_TOPIC',
    "The snapshot's topic must be the same as that of the provided subscription.",
  );
