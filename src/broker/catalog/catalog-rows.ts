import { RpcError } from '../../rpc/index.ts';
import type { Subscription, Topic } from '../service.ts';

/** A topic as it is stored. `uid` is 16 random bytes of this creation, in hex. */
export interface TopicRow extends Topic {
  readonly uid: string;
  /** The log of its one lane. */
  readonly log: number;
}

/** A subscription as it is stored. `id` is never reused; it stands in ack ids. */
export interface SubscriptionRow extends Omit<
  Subscription,
  'topic' | 'topicMessageRetentionMs' | 'state'
> {
  readonly id: number;
  readonly topicUid: string;
  /** The log of its acknowledgement state; 0 where there is none, as it is ephemeral. */
  readonly log: number;
  /** The topic's tail when it was created: earlier messages are not its own. */
  readonly start: number;
}

/** Keys of metadata rows; only ever added to (docs/storage-format.md). */
export const rowKeys = {
  topics: 'topic/',
  /** Topics that are gone but still read, by uid. */
  deletedTopics: 'deleted-topic/',
  subscriptions: 'subscription/',
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
