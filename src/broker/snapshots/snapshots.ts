import type { SnapshotRow } from '../catalog/catalog-rows.ts';
import { alreadyExists } from '../errors.ts';
import { invalidArgument } from '../limits.ts';
import type { Pager } from '../lists/page-token.ts';
import type { Registry } from '../registry.ts';
import { checkSnapshotCount } from '../resources/resource-limits.ts';
import { RpcError } from '../../rpc/index.ts';
import type { Page, PageRequest, Snapshot, SnapshotRequest } from '../service.ts';
import { shownSnapshot } from '../resources/shown-resources.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { TopicState } from '../topic-state.ts';
import { writeSnapshot, type Unacknowledged } from './snapshot-log.ts';
import { SnapshotState } from './snapshot-state.ts';

const hourMs = 3_600_000;
/** What a snapshot of a subscription without backlog lives (pubsub.v1 Snapshot.expire_time). */
const lifeMs = 7 * 24 * hourMs;

/** Creating, reading, changing and deleting snapshots. */
export class Snapshots {
  readonly #registry: Registry;
  readonly #pager: Pager;

  constructor(registry: Registry, pager: Pager) {
    this.#registry = registry;
    this.#pager = pager;
  }

  /**
   * Retains what the subscription has not acknowledged at one moment of this call, and everything
   * that is published after that. Whole or not at all.
   */
  async create(request: SnapshotRequest): Promise<Snapshot> {
    this.#registry.refuseWhenDraining();
    return await this.#registry.changes.run(() => this.#create(request));
  }

  async #create(request: SnapshotRequest): Promise<Snapshot> {
    const { name } = request;
    if (this.#registry.snapshots.has(name)) throw alreadyExists(name);
    const source = this.#registry.subscription(request.subscription);
    source.lastUsedMs = this.#registry.ports.clock.wallMs();
    checkSnapshotCount(this.#registry, name, source.topic);
    await this.#removeHalfCreated(name);
    const log = await this.#registry.catalog.reserveLog(name);
    const captured = captureOf(source);
    const { holds } = source.topic;
    // From the moment of the capture on, before anything more can be acknowledged and trimmed.
    holds.add(captured);
    try {
      const state = await this.#store(request, log, captured, source.topic);
      this.#registry.addSnapshot(state);
      return shownSnapshot(this.#registry, state);
    } catch (error) {
      await this.#dropReserved(name, log);
      throw error;
    } finally {
      holds.delete(captured);
    }
  }

  async #store(
    { name, labels }: SnapshotRequest,
    log: number,
    captured: Captured,
    topic: TopicState,
  ): Promise<SnapshotState> {
    const createTimeMs = this.#registry.ports.clock.wallMs();
    const expireTimeMs = await this.#expireTimeMs(captured, topic, createTimeMs);
    const row: SnapshotRow = {
      name,
      labels,
      topicUid: topic.row.uid,
      log,
      createTimeMs,
      expireTimeMs,
      expireTimeMaxMs: expireTimeMs,
      floor: captured.floor,
      frontier: captured.frontier,
      holeCount: captured.holes.length,
    };
    await writeSnapshot(this.#registry.ports, log, captured);
    await this.#registry.catalog.createSnapshot(row);
    return new SnapshotState(row, topic);
  }

  /** 7 days less the age of the oldest message. Throws FAILED_PRECONDITION below an hour. */
  async #expireTimeMs({ floor }: Captured, topic: TopicState, nowMs: number): Promise<number> {
    const oldestMs = floor < topic.lane.tail ? await topic.reader.publishTimeMs(floor) : undefined;
    const ageMs = Math.max(0, nowMs - (oldestMs ?? nowMs));
    if (lifeMs - ageMs < hourMs) throw tooOld();
    return nowMs + lifeMs - ageMs;
  }

  /** One whose client was told that it failed, though it is stored. */
  async #removeHalfCreated(name: string): Promise<void> {
    const { catalog } = this.#registry;
    const stored = await catalog.storedSnapshot(name);
    if (stored === null) return;
    await catalog.deleteSnapshot(stored, null);
    await this.#registry.dropLogs([{ log: stored.log }]);
  }

  /** Unless the snapshot may stand all the same; a start removes what stays here. */
  async #dropReserved(name: string, log: number): Promise<void> {
    const isGone = await this.#registry.catalog.lookUpSnapshot(name).then(
      (row) => row === null,
      () => false,
    );
    if (isGone) await this.#registry.dropLogs([{ log }]);
  }

  get(name: string): Snapshot {
    return shownSnapshot(this.#registry, this.#registry.snapshot(name));
  }

  /**
   * `expire_time` may be moved to any time that has not passed, up to the one that the snapshot was
   * created with: what it retains is not kept for longer. Else INVALID_ARGUMENT.
   */
  async update(snapshot: Snapshot, fields: ReadonlySet<string>): Promise<Snapshot> {
    return await this.#registry.changes.run(async () => {
      const state = this.#registry.snapshot(snapshot.name);
      const { labels, expireTimeMs } = snapshot;
      if (fields.has('expire_time')) this.#checkExpireTime(expireTimeMs, state.row);
      const row = {
        ...state.row,
        ...(fields.has('labels') ? { labels } : {}),
        ...(fields.has('expire_time') ? { expireTimeMs } : {}),
      };
      await this.#registry.catalog.updateSnapshot(row);
      state.row = row;
      return this.get(row.name);
    });
  }

  #checkExpireTime(expireTimeMs: number, { expireTimeMaxMs }: SnapshotRow): void {
    if (expireTimeMs <= this.#registry.ports.clock.wallMs()) {
      throw invalidArgument('expire_time: must be in the future');
    }
    if (expireTimeMs > expireTimeMaxMs) {
      const latest = new Date(expireTimeMaxMs).toISOString();
      throw invalidArgument(`expire_time: must not be after ${latest}`);
    }
  }

  async delete(name: string): Promise<void> {
    await this.#registry.changes.run(async () => {
      const state = this.#registry.snapshot(name);
      const lastOf = this.#registry.lastOf(state.topic);
      await this.#registry.catalog.deleteSnapshot(state.row, lastOf);
      await this.#registry.removeSnapshot(state);
      this.#registry.ports.observer.snapshotDeleted(name);
    });
  }

  list(project: string, page: PageRequest): Page<Snapshot> {
    const prefix = `${project}/snapshots/`;
    const namesAfter = (after: string, limit: number): string[] =>
      this.#registry.snapshots.namesAfter(prefix, after, limit);
    const { items, nextPageToken } = this.#pager.page(`snapshots of ${project}`, namesAfter, page);
    return { items: items.map((name) => this.get(name)), nextPageToken };
  }
}

interface Captured extends Unacknowledged {
  readonly floor: number;
}

/** The backlog as it is now, in one piece: nothing runs in between. */
function captureOf({ backlog }: SubscriptionState): Captured {
  const { frontier } = backlog;
  const holes = [...backlog.holes()];
  return { frontier, holes, floor: holes[0] ?? frontier };
}

const tooOld = (): RpcError =>
  new RpcError(
    'FAILED_PRECONDITION',
    'SNAPSHOT_TOO_SHORT',
    'The backlog in the subscription is too old: the resulting snapshot would expire in less than 1 hour.',
  );
