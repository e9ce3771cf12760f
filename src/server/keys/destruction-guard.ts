import type { Broker } from '../../broker/index.ts';
import type { DestructionGuard, VersionDependents } from '../../kms/index.ts';

/** Asks the broker of this process what a version's destruction would make unreadable. */
export function brokerGuard(broker: Pick<Broker, 'keyUse'>): DestructionGuard {
  return { dependentsOf: (versionName) => dependentsOf(broker, versionName) };
}

async function dependentsOf(
  broker: Pick<Broker, 'keyUse'>,
  versionName: string,
): Promise<VersionDependents> {
  const [use] = await broker.keyUse(versionName);
  const topics = use?.topics.filter(({ messageCount }) => messageCount > 0) ?? [];
  return {
    // A DEK that seals nothing stored takes nothing along: the topic makes another.
    dekCount: use?.dekCount ?? 0,
    messageCount: use?.messageCount ?? 0,
    byteCount: use?.byteCount ?? 0,
    topics: topics.map(({ topic }) => topic),
    latestExpiryMs: use?.latestExpiryMs ?? null,
  };
}
