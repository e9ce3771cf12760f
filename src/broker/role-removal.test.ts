import { expect, test } from 'vitest';

import { BrokerHarness, type StreamProbe } from '../../test/support/broker-harness.ts';
import { operatorMember } from '../kms/index.ts';

const operator = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' } as const;
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** The bite of a revocation: what the last byte may be late by, on the clock that the broker has. */
const biteMs = 1000;

test.each([
  ['the project', (key: string) => key.split('/locations/')[0]!],
  ['the ring', (key: string) => key.split('/cryptoKeys/')[0]!],
  ['the key', (key: string) => key],
])(
  'a role that is removed from %s ends the streams of all its topics within a second',
  async (where, resourceOf) => {
    const harness = await BrokerHarness.open();
    const keys = [await harness.createKey(), await harness.createKey()];
    const set = async (resource: string, members: readonly string[]): Promise<void> => {
      const bindings = [{ role, members }];
      await harness.until(harness.keys.setIamPolicy(resource, { bindings }, operator));
    };
    const agent = await harness.until(harness.keys.pubsubServiceAgent('sim-project'));
    for (const { name } of keys) await set(name, []);
    const resources = new Set(keys.map(({ name }) => resourceOf(name)));
    for (const resource of resources) await set(resource, [agent]);
    const probes: StreamProbe[] = [];
    for (const [at, { name: kmsKeyName }] of keys.entries()) {
      const topic = await harness.createTopic(`keyed-${at}`, { kmsKeyName });
      const subscription = await harness.createSubscription(`reader-${at}`, topic);
      await harness.publish(topic, 'before');
      probes.push(await harness.openStream(subscription));
    }
    const plain = await harness.createTopic('plain');
    const untouched = await harness.openStream(
      await harness.createSubscription('plain-reader', plain),
    );
    const removedMs = harness.clock.monotonicMs();
    for (const resource of resources) await set(resource, []);
    while (probes.some(({ failure }) => failure === null)) {
      expect(harness.clock.monotonicMs() - removedMs, where).toBeLessThan(biteMs);
      await harness.clock.advance(10);
    }
    for (const { failure } of probes) {
      expect(failure).toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: expect.stringContaining(
          "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource",
        ) as unknown,
      });
    }
    await harness.publish(plain, 'still served');
    await harness.clock.settle();
    expect(untouched.failure).toBeNull();
    await harness.close();
  },
);
