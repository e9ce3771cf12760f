import type { FailpointName } from '../../src/runtime/index.ts';
import { auditFailpoints, type KmsOperation } from './kms-operation.ts';
import { destroyDue, erase, resealing, rewrap, rotate } from './kms-own-work.ts';
import { type Key, type KmsWorld, ring, type Version } from './kms-world.ts';
import { statusOf } from './pubsub-client.ts';

/** A change of one version's or key's state by one call. */
function changing(
  name: string,
  failpoints: readonly FailpointName[],
  make: (world: KmsWorld) => Promise<{
    readonly run: () => Promise<unknown>;
    readonly entry: readonly [method: string, resource: string];
    /** What is read of it: first as it was, then as it is to be. */
    readonly states: readonly [before: string, after: string];
    readonly read: () => Promise<string>;
  }>,
): KmsOperation {
  return {
    name,
    failpoints: [...failpoints, ...auditFailpoints],
    async prepare(world) {
      const { run, entry, states, read } = await make(world);
      return {
        run,
        entry: ['activity', ...entry],
        async standing() {
          const state = await read();
          if (!states.includes(state)) world.violate(`${name}: half done: ${state}`);
          return state === states[1] ? 'after' : 'before';
        },
      };
    },
  };
}

const stateOf = async (world: KmsWorld, version: string): Promise<string> =>
  (await world.get<Version>(version)).state;

const versionOne = (key: string): string => `${key}/cryptoKeyVersions/1`;

const createKey = changing('create key', ['beforeKeyCreate', 'afterKeyCreate'], async (world) => {
  const id = world.newId();
  const key = `${ring}/cryptoKeys/${id}`;
  return {
    run: () => world.createKeyNamed(id),
    entry: ['CreateCryptoKey', key],
    states: ['none', 'whole'],
    read: () => wholeness(world, key),
  };
});

/** A key is there with its version, which works, or neither is. */
async function wholeness(world: KmsWorld, key: string): Promise<string> {
  try {
    const { primary } = await world.get<Key>(key);
    const [only, ...more] = await world.versions(key);
    const isOne = more.length === 0 && only?.name === primary?.name && only?.state === 'ENABLED';
    const opened = await world.decrypt(key, await world.encrypt(key));
    return isOne && opened === key ? 'whole' : `a key with ${more.length + 1} versions`;
  } catch (error) {
    if (statusOf(error) !== 'NOT_FOUND') throw error;
    return 'none';
  }
}

const createVersion = changing(
  'create version',
  ['beforeKeyCreate', 'afterKeyCreate'],
  async (world) => {
    const key = await world.createKey();
    return {
      run: () => world.addVersion(key),
      entry: ['CreateCryptoKeyVersion', key],
      states: ['ENABLED', 'ENABLED,ENABLED'],
      read: async () => (await world.versions(key)).map(({ state }) => state).join(),
    };
  },
);

const updatePrimary = changing(
  'update primary',
  ['beforeKeyChange', 'afterKeyChange'],
  async (world) => {
    const key = await world.createKey();
    await world.addVersion(key);
    return {
      run: () => world.setPrimary(key, '2'),
      entry: ['UpdateCryptoKeyPrimaryVersion', key],
      states: [versionOne(key), `${key}/cryptoKeyVersions/2`],
      read: async () => (await world.get<Key>(key)).primary?.name ?? 'none',
    };
  },
);

function switching(from: 'ENABLED' | 'DISABLED', to: 'ENABLED' | 'DISABLED'): KmsOperation {
  const name = to === 'ENABLED' ? 'enable' : 'disable';
  return changing(name, ['beforeKeyChange', 'afterKeyChange'], async (world) => {
    const version = versionOne(await world.createKey());
    if (from === 'DISABLED') await world.setState(version, 'DISABLED');
    return {
      run: () => world.setState(version, to),
      entry: ['UpdateCryptoKeyVersion', version],
      states: [from, to],
      read: () => stateOf(world, version),
    };
  });
}

const schedule = changing(
  'schedule destruction',
  ['beforeKeyDestroy', 'afterKeyDestroy'],
  async (world) => {
    const version = versionOne(await world.createKey());
    return {
      run: () => world.destroy(version),
      entry: ['DestroyCryptoKeyVersion', version],
      states: ['ENABLED', 'DESTROY_SCHEDULED'],
      read: () => stateOf(world, version),
    };
  },
);

const restore = changing('restore', ['beforeKeyRestore', 'afterKeyRestore'], async (world) => {
  const version = versionOne(await world.createKey());
  await world.destroy(version);
  return {
    run: () => world.restore(version),
    entry: ['RestoreCryptoKeyVersion', version],
    states: ['DESTROY_SCHEDULED', 'DISABLED'],
    read: () => stateOf(world, version),
  };
});

/** Everything in the life of a key that has steps. */
export const kmsOperations: readonly KmsOperation[] = [
  createKey,
  createVersion,
  updatePrimary,
  switching('ENABLED', 'DISABLED'),
  switching('DISABLED', 'ENABLED'),
  schedule,
  restore,
  destroyDue,
  rotate,
  rewrap,
  erase,
  resealing('passphrase', false),
  resealing('file', false),
  resealing('file', true),
];
