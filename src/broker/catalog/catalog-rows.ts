import { RpcError } from '../../rpc/index.ts';
import type { Snapshot, Subscription, Topic } from '../service.ts';

/** A topic as it is stored. `uid` is 16 random bytes of this creation, in hex. */
export interface TopicRow extends Topic {
  readonly uid: string;
  /** The log of its one lane. */
  readonly log: number;
  /** Filter slots given out; none is ever used again. Absent: none. */
  readonly filterSlots?: number;
  /** Of the creation of the schema that its settings name. */
  readonly schemaUid?: string;
  /** Places of the revisions that bound those allowed, in the order of the schema's revisions. */
  readonly schemaFirst?: number;
  readonly schemaLast?: number;
}

/** A subscription as it is stored. `id` is never reused; it stands in ack ids. */
export interface SubscriptionRow extends Omit<
  Subscription,
  'topic' | 'topicMessageRetentionMs' | 'state'
> {
  readonly id: number;
  readonly topicUid: string;
  /** The log of its acknowledgement state; 0 where there is none: ephemeral or detached. */
  readonly log: number;
  /** The topic's tail when it was created: earlier messages are not its own. */
  readonly start: number;
  /**
   * When somebody last used it, roughly: milliseconds since the Unix epoch. Absent: it was created
   * before this was kept, or is ephemeral.
   */
  readonly lastActiveMs?: number;
  /**
   * Stands for the filter's text in the topic's segments (docs/envelope-format.md). Absent: that is
   * not evaluated when messages are published.
   */
  readonly filterSlot?: number;
  /** Only of a detached one: the full name of the topic that it was attached to. */
  readonly detachedFrom?: string;
}

/** A snapshot as it is stored: what it retains is in its log, and from `frontier` on all. */
export interface SnapshotRow extends Omit<Snapshot, 'topic'> {
  readonly topicUid: string;
  /** The log of the unacknowledged sequences below the frontier. */
  readonly log: number;
  readonly createTimeMs: number;
  /** The latest time that it may be made to expire at. */
  readonly expireTimeMaxMs: number;
  /** The first sequence that it retains, and the first from which it retains every one. */
  readonly floor: number;
  readonly frontier: number;
  /** How many it retains below the frontier. */
  readonly holeCount: number;
}

/** Keys of metadata rows; only ever added to (docs/storage-format.md). */
export const rowKeys = {
  topics: 'topic/',
  /** Topics that are gone but still read, by uid. */
  deletedTopics: 'deleted-topic/',
  subscriptions: 'subscription/',
  snapshots: 'snapshot/',
  /** What is deleted but not yet removed from the disk, by log. */
  doomedLogs: 'doomed-log/',
  /** Last log id and subscription id given out. */
  counters: 'counters',
} as const;

/** A log that nobody reads any more, and the topic whose DEKs go with it if it was a lane. */
export interface DoomedLog {
  readonly log: number;
  readonly topic?: { readonly name: string; readonly uid: string };
}

export function doomedLane({ log, name, uid }: TopicRow): DoomedLog {
  return { log, topic: { name, uid } };
}

/** Ids that are never given out twice. */
export interface Counters {
  readonly log: number;
  readonly subscription: number;
}

export function encodeRow(row: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(row));
}

/** The row was authenticated by the sealed metadata: what it holds is what was written. */
export function decodeRow(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new RpcError('DATA_LOSS', 'METADATA_MALFORMED', 'A metadata row cannot be read.', {
      cause,
    });
  }
}
