import type { Store } from '../storage/index.ts';
import type { BacklogReport, TopicReport } from './observer.ts';
import type { PushStatus } from './service.ts';
import type { SubscriptionState } from './subscription-state.ts';
import type { TopicState } from './topic-state.ts';

/** Where a subscription stands; `nowMs` of the wall clock. Reads one segment at most. */
export async function backlogReport(
  subscription: SubscriptionState,
  store: Store,
  nowMs: number,
): Promise<BacklogReport> {
  const { backlog, topic } = subscription;
  // Asked first: it may read a segment, which tells how large earlier messages are.
  const oldestMs = await subscription.oldestMs();
  const { sizes, tail } = topic.lane;
  return {
    subscription: subscription.row.name,
    unackedCount: subscription.unackedCount,
    backlogBytes: Math.round(
      backlog.leasedBytes +
        backlog.unsizedCount * sizes.meanBytes +
        sizes.bytesBetween(backlog.frontier, tail) * matchingShare(subscription),
    ),
    oldestUnackedAgeSeconds: ageSeconds(oldestMs, nowMs),
    outstandingCount: backlog.outstandingCount,
    pushedCount: backlog.pushedCount,
    openStreams: subscription.streamStates(),
    pushState: pushStateOf(subscription.pushStatus),
    isKeyUsable: topic.key.isUsable,
    ...stalledBy(subscription.pushStatus),
    ...(await retainedAcked(subscription, store, nowMs)),
  };
}

const noneRetained = {
  retainedAckedCount: 0,
  retainedAckedBytes: 0,
  oldestRetainedAckedAgeSeconds: 0,
};

/** What a subscription keeps that was acknowledged; NaN where the store cannot tell. */
async function retainedAcked(
  { row, topic, floor, unackedCount, retainedTime }: SubscriptionState,
  store: Store,
  nowMs: number,
): Promise<typeof noneRetained> {
  const { lane } = topic;
  if (!row.retainAckedMessages || lane.tail === 0) return noneRetained;
  const horizonMs = nowMs - row.messageRetentionMs;
  const found = await store.locate(lane.appender.log, horizonMs).catch(() => NaN);
  const first = Math.max(found, row.start);
  const retainedAckedCount = Math.max(0, lane.tail - first - unackedCount);
  if (retainedAckedCount === 0) return noneRetained;
  const share = retainedAckedCount / (lane.tail - first);
  return {
    retainedAckedCount,
    retainedAckedBytes: Math.round(lane.sizes.bytesBetween(first, lane.tail) * share),
    // Between the floor and the frontier nobody remembers which was acknowledged first.
    oldestRetainedAckedAgeSeconds:
      first < floor ? ageSeconds(await retainedTime.of(first), nowMs) : 0,
  };
}

/** Of the messages that no delivery has looked at, how many the filter lets through: 0 to 1. */
function matchingShare({ filter, backlog, topic, unscannedCount }: SubscriptionState): number {
  const count = topic.lane.tail - backlog.frontier;
  return filter === null || count <= 0 ? 1 : unscannedCount / count;
}

const nothing = { retainedMessages: 0, retainedBytes: 0, oldestRetainedAgeSeconds: 0 };
const unknown = { retainedMessages: NaN, retainedBytes: NaN, oldestRetainedAgeSeconds: NaN };

/**
 * Where a topic stands; asks the store only if the topic has a retention of its own, and says NaN
 * where that cannot tell.
 */
export async function topicReport(
  topic: TopicState,
  store: Store,
  nowMs: number,
): Promise<TopicReport> {
  const { lane, key, row } = topic;
  const names = { topic: row.name, keyName: key.name, isKeyUsable: key.isUsable };
  const { messageRetentionMs } = row;
  if (messageRetentionMs === undefined || lane.tail === 0) return { ...names, ...nothing };
  const horizonMs = nowMs - messageRetentionMs;
  const first = await store.locate(lane.appender.log, horizonMs).catch(() => null);
  if (first === null) return { ...names, ...unknown };
  const retainedMessages = lane.tail - first;
  if (retainedMessages <= 0) return { ...names, ...nothing };
  const oldestMs = await topic.retainedTime.of(first);
  return {
    ...names,
    retainedMessages,
    retainedBytes: lane.sizes.bytesBetween(first, lane.tail),
    oldestRetainedAgeSeconds: ageSeconds(oldestMs, nowMs),
  };
}

function pushStateOf(status: PushStatus | null): BacklogReport['pushState'] {
  if (status === null) return null;
  return status.stalledBy === null ? 'active' : 'resource_error';
}

function stalledBy(status: PushStatus | null): Pick<BacklogReport, 'pushStalledBy'> {
  const cause = status?.stalledBy ?? null;
  return cause === null ? {} : { pushStalledBy: cause.reason };
}

/** 0 of nothing; NaN if the disk cannot tell. */
function ageSeconds(sinceMs: number | null, nowMs: number): number {
  return sinceMs === null ? 0 : Math.max(0, (nowMs - sinceMs) / 1000);
}
