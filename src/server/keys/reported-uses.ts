import type { Broker } from '../../broker/index.ts';
import type { ReportedUse, UseSource } from '../../remote-kms/index.ts';
import type { Vault } from '../../vault/index.ts';
import { layerKeyUses } from './destruction-guard.ts';

/** What runs on the keys here. */
export interface RunningOnKeys {
  readonly broker: Pick<Broker, 'keyUse'> | undefined;
  readonly vault: Pick<Vault, 'administration'> | undefined;
}

/**
 * What this process tells a key service in another one: all that depends on keys, but for
 * `ownKeyName`, which is here.
 */
export function reportedUses({ broker, vault }: RunningOnKeys, ownKeyName: string): UseSource {
  return async () => {
    const [messages, images] = await Promise.all([
      broker?.keyUse(null) ?? [],
      vault === undefined ? [] : layerKeyUses(vault),
    ]);
    const uses = new Map<string, ReportedUse>();
    for (const { name, dekCount, messageCount, byteCount, topics } of messages) {
      const needed = topics.filter((topic) => topic.messageCount > 0).map(({ topic }) => topic);
      uses.set(name, { name, dekCount, messageCount, byteCount, topics: needed });
    }
    for (const { name, dekCount } of images) {
      const other = uses.get(name) ?? { name, ...nothing };
      uses.set(name, { ...other, dekCount: other.dekCount + dekCount });
    }
    return [...uses.values()].filter(({ name }) => !name.startsWith(`${ownKeyName}/`));
  };
}

const nothing = { dekCount: 0, messageCount: 0, byteCount: 0, topics: [] };
