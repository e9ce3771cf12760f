import { auditEntries, receiptMethod } from './kms-audit.ts';
import { auditFailpoints, compactionFailpoints, type KmsOperation } from './kms-operation.ts';
import { dayMs, hourMs, type Key, type KmsWorld, type Version } from './kms-world.ts';
import { statusOf } from './pubsub-client.ts';

/** The scheduler's: a start makes up for what a kill interrupted. */
export const destroyDue: KmsOperation = {
  name: 'destroy due',
  failpoints: [
    'beforeKeyDestroy',
    'afterKeyDestroy',
    ...auditFailpoints,
    'beforeMaterialDestroy',
    'afterMaterialDestroy',
    ...compactionFailpoints,
  ],
  async prepare(world) {
    const [version, dueMs] = [...world.doomed].toSorted(([, a], [, b]) => a - b)[0]!;
    const { server } = world;
    await server.jump(dueMs - server.wallMs() - hourMs);
    const early = await world.get<Version>(version);
    if (early.state !== 'DESTROY_SCHEDULED')
      world.violate(`${version} is ${early.state} an hour early`);
    return {
      run: () => server.jump(hourMs + 60_000),
      async standing() {
        const { state } = await world.get<Version>(version);
        if (state !== 'DESTROYED') world.violate(`${version} was due, and is ${state}`);
        return 'after';
      },
    };
  },
};

export const rotate: KmsOperation = {
  name: 'rotate',
  failpoints: ['beforeKeyRotate', 'afterKeyRotate', ...auditFailpoints],
  async prepare(world) {
    const { server } = world;
    const dueMs = server.wallMs() + dayMs;
    const key = await world.createKey({
      rotationPeriod: '86400s',
      nextRotationTime: new Date(dueMs).toISOString(),
    });
    const before = await world.encrypt(key);
    return {
      run: () => server.jump(dayMs + 60_000),
      async standing() {
        const { primary, nextRotationTime = '' } = await world.get<Key>(key);
        const states = (await world.versions(key)).map(({ state }) => state).join();
        const isOnce = states === 'ENABLED,ENABLED' && primary?.name.endsWith('/2') === true;
        if (!isOnce) world.violate(`${key} has ${states}, primary ${primary?.name}`);
        if (Date.parse(nextRotationTime) !== dueMs + dayMs) {
          world.violate(`${key} rotates next at ${nextRotationTime}`);
        }
        if ((await world.decrypt(key, before)) !== key) world.violate(`${key} forgot version 1`);
        const mask = 'updateMask=rotationPeriod,nextRotationTime';
        await world.change(['UpdateCryptoKey', key], ['PATCH', `${key}?${mask}`]);
        return 'after';
      },
      entry: ['system_event', 'CreateCryptoKeyVersion', `${key}/cryptoKeyVersions/2`],
    };
  },
};

export const rewrap: KmsOperation = {
  name: 'rewrap',
  failpoints: ['beforeDekRewrap', 'afterDekRewrap', ...compactionFailpoints],
  async prepare(world) {
    const key = await world.createKey();
    await world.grant(key);
    const { topic, subscription } = await keyedTopic(world, key);
    await world.addVersion(key);
    await world.setPrimary(key, '2');
    const path = `/sealpost/v1/${key}:rewrap`;
    return {
      run: async () => {
        await world.rest.call('POST', path, {});
        await world.server.jump(61_000);
      },
      async standing() {
        // Whoever was told nothing asks again.
        await world.rest.call('POST', path, {});
        await world.until(`the rewrap of ${key}`, async () => {
          const { versions } = await world.rest.call<{ versions: readonly { name: string }[] }>(
            'GET',
            `/sealpost/v1/${key}:use`,
          );
          return versions.length === 1 && versions[0]!.name.endsWith('/2');
        });
        await world.until(`a message of ${topic}`, async () => {
          return (await world.rest.pull(subscription, 1)).length === 1;
        });
        return 'after';
      },
    };
  },
};

/** The DEK goes with its topic; its receipt stands in the audit log once. */
export const erase: KmsOperation = {
  name: 'erase',
  failpoints: [
    'beforeDekErase',
    'afterDekErase',
    ...compactionFailpoints,
    'beforeErasureReceipt',
    'afterErasureReceipt',
  ],
  async prepare(world) {
    const key = await world.createKey();
    await world.grant(key);
    const { topic, subscription } = await keyedTopic(world, key);
    await world.rest.deleteSubscription(subscription);
    return {
      run: async () => {
        await world.rest.deleteTopic(topic);
        for (let i = 0; i < 20; i++) await world.server.jump(61_000);
      },
      async standing() {
        try {
          await world.rest.deleteTopic(topic);
        } catch (error) {
          if (statusOf(error) !== 'NOT_FOUND') throw error;
        }
        await world.until(`the receipt of ${topic}`, async () => {
          await world.server.jump(61_000);
          const entries = await auditEntries(world, `protoPayload.resourceName="${topic}"`);
          return entries.some(({ method }) => method === receiptMethod);
        });
        return 'after';
      },
    };
  },
};

const seal = ['beforeRootSeal', 'afterRootSealWritten', 'beforeRootSealRename'] as const;

/** One seal is in force after each start, whichever; that it opens everything is checked anyway. */
export function resealing(to: 'file' | 'passphrase', isNewKey: boolean): KmsOperation {
  return {
    name: isNewKey ? 'new root key' : `reseal by ${to}`,
    failpoints: [
      ...seal,
      'afterRootSealRename',
      ...(isNewKey
        ? ([
            'afterPreviousRootKeyWritten',
            'afterRootKeyRewrap',
            ...compactionFailpoints,
            'afterPreviousRootKeyRemoved',
          ] as const)
        : []),
    ],
    async prepare(world) {
      return {
        run: async () => {
          const asked = world.rest.call('POST', '/sealpost/v1/rootKey:reseal', {
            to,
            ...(isNewKey && { newKey: true }),
          });
          const state = { isOver: false };
          const over = (): void => void (state.isOver = true);
          asked.then(over, over);
          while (!state.isOver) await world.server.jump(6_000);
          await asked;
        },
        async standing() {
          const status = await world.rest.call<{ previousId?: string }>(
            'GET',
            '/sealpost/v1/rootKey',
          );
          if (status.previousId !== undefined) world.violate('a root key is still half replaced');
          return 'after';
        },
      };
    },
  };
}

async function keyedTopic(
  world: KmsWorld,
  key: string,
): Promise<{ readonly topic: string; readonly subscription: string }> {
  const id = `topic-${key.slice(key.lastIndexOf('/') + 1)}`;
  const topic = `projects/crash/topics/${id}`;
  const subscription = `projects/crash/subscriptions/${id}`;
  await world.rest.createTopic(topic, key);
  await world.rest.createSubscription(subscription, topic);
  await world.rest.publish(topic, [{ data: Buffer.from(key), attributes: {} }]);
  return { topic, subscription };
}
