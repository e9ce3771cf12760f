import type { Broker } from '../../broker/index.ts';
import type { UseSource } from '../../remote-kms/index.ts';

/**
 * What the broker of this process tells a key service in another one: all that depends on keys, but
 * for `ownKeyName`, which is here.
 */
export function reportedUses(broker: Pick<Broker, 'keyUse'>, ownKeyName: string): UseSource {
  return async () => {
    const uses = await broker.keyUse(null);
    const remote = uses.filter(({ name }) => !name.startsWith(`${ownKeyName}/`));
    return remote.map(({ name, dekCount, messageCount, byteCount, topics }) => ({
      name,
      dekCount,
      messageCount,
      byteCount,
      topics: topics.filter((topic) => topic.messageCount > 0).map(({ topic }) => topic),
    }));
  };
}
