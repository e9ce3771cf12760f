import type { Broker } from '../../broker/index.ts';
import type { DestructionGuard, VersionDependents } from '../../kms/index.ts';
import type { Vault } from '../../vault/index.ts';

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

/** Asks the vault of this process which services' images a version's destruction would end. */
export function vaultGuard({ administration }: Pick<Vault, 'administration'>): DestructionGuard {
  return {
    dependentsOf: async (versionName) => {
      const uses = await layerKeyUses({ administration });
      const use = uses.find(({ name }) => name === versionName);
      return {
        dekCount: use?.dekCount ?? 0,
        messageCount: 0,
        byteCount: 0,
        topics: [],
        services: use?.services ?? [],
        latestExpiryMs: null,
      };
    },
  };
}

/** What the vault's DEKs need of one CryptoKeyVersion. */
export interface LayerKeyUses {
  /** Of the CryptoKeyVersion. */
  readonly name: string;
  readonly dekCount: number;
  /** Full names of the services whose images they open; one without an image is not named. */
  readonly services: readonly string[];
}

export async function layerKeyUses({
  administration,
}: Pick<Vault, 'administration'>): Promise<LayerKeyUses[]> {
  const [layerKeys, images] = await Promise.all([
    administration.layerKeys(),
    administration.images(),
  ]);
  const nameOf = new Map(images.map(({ owner }) => [owner.serviceUid, owner.serviceName]));
  return [...Map.groupBy(layerKeys, ({ keyVersion }) => keyVersion)].map(([name, deks]) => ({
    name,
    dekCount: deks.length,
    services: [...new Set(deks.flatMap(({ serviceUid }) => nameOf.get(serviceUid) ?? []))],
  }));
}
