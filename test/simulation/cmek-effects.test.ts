import { expect, test } from 'vitest';

import type { KeyService } from '../../src/kms/index.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { BrokerHarness, subscriptionName } from '../support/broker-harness.ts';
import { MetricsPage } from '../support/metrics-page.ts';
import { operator, operatorOf } from '../support/operator-keys.ts';
import { ScriptedEndpoint } from '../support/scripted-endpoint.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const pushConfig = { endpoint: 'https://example.com/push', attributes: {} };

/** A topic under a key of its customer's: pulled, streamed, and pushed. */
class Bench {
  readonly harness: BrokerHarness;
  readonly endpoint: ScriptedEndpoint;
  readonly page: MetricsPage;
  readonly key: { readonly name: string; readonly version: string };
  readonly topic: string;
  readonly pulled: string;
  isAway: { value: boolean };

  private constructor(parts: Omit<Bench, 'refusal' | 'bites' | 'serves' | 'close'>) {
    this.harness = parts.harness;
    this.endpoint = parts.endpoint;
    this.page = parts.page;
    this.key = parts.key;
    this.topic = parts.topic;
    this.pulled = parts.pulled;
    this.isAway = parts.isAway;
  }

  static async open(): Promise<Bench> {
    const isAway = { value: false };
    const away = async (): Promise<never> => {
      throw new RpcError('UNAVAILABLE', 'AWAY', 'The key service is away.');
    };
    const wrapKeys = (keys: KeyService): KeyService => ({
      encrypt: (request, caller) => (isAway.value ? away() : keys.encrypt(request, caller)),
      decrypt: (request, caller) => (isAway.value ? away() : keys.decrypt(request, caller)),
      defaultKeyName: keys.defaultKeyName,
      pubsubServiceAgent: (projectId) => keys.pubsubServiceAgent(projectId),
      runServiceAgent: (projectId) => keys.runServiceAgent(projectId),
      onChange: (listener) => keys.onChange(listener),
    });
    const endpoint = new ScriptedEndpoint(() => harness.clock);
    const harness: BrokerHarness = await BrokerHarness.open({ pushSender: endpoint, wrapKeys });
    const page = new MetricsPage(harness.clock, {
      backlogs: () => harness.broker.backlogs(),
      topics: () => harness.broker.topicReports(),
    });
    const key = await harness.createKey();
    const topic = await harness.createTopic('orders', { kmsKeyName: key.name });
    const pulled = await harness.createSubscription('pulled', topic);
    await harness.createSubscription('pushed', topic, { pushConfig });
    return new Bench({ harness, endpoint, page, key, topic, pulled, isAway });
  }

  async refusal(run: () => Promise<unknown>): Promise<{ code: string; reason: string } | null> {
    try {
      await run();
      return null;
    } catch (error) {
      const { code, reason } = RpcError.from(error);
      return { code, reason };
    }
  }

  /**
   * Seed: without access "publishing and delivery by StreamingPull or pull fail with
   * FAILED_PRECONDITION; delivery to push endpoints stops", and the two metrics of the backlog climb.
   */
  async bites(take: () => Promise<void>, reason: string): Promise<void> {
    const { harness, topic, pulled, endpoint, page } = this;
    await harness.publish(topic, 'before');
    await harness.clock.advance(1_000);
    const stream = await harness.openStream(pulled);
    await take();
    await harness.clock.settle();
    expect(stream.failure).toMatchObject({ code: 'FAILED_PRECONDITION', reason });
    const refused = { code: 'FAILED_PRECONDITION', reason };
    expect(await this.refusal(() => harness.publish(topic, 'refused'))).toEqual(refused);
    expect(await this.refusal(() => harness.pull(pulled))).toEqual(refused);
    const pushedCount = endpoint.seen.length;
    const labels = { subscription_id: 'pulled' };
    const age = 'pubsub_subscription_oldest_unacked_message_age';
    const before = await page.sum(age, labels);
    await harness.clock.advance(10 * minuteMs);
    expect(endpoint.seen).toHaveLength(pushedCount);
    expect(await page.sum('pubsub_subscription_num_unacked_messages', labels)).toBe(1);
    expect(await page.sum(age, labels)).toBeGreaterThanOrEqual(before + 600);
    expect(await page.sum('sealpost_subscription_key_usable', labels)).toBe(0);
  }

  /** Seed: "to resume delivery and publishing, restore access to the key". */
  async serves(give: () => Promise<void>): Promise<void> {
    const { harness, topic, pulled } = this;
    await give();
    await harness.clock.advance(6 * minuteMs);
    await harness.publish(topic, 'after');
    expect(await harness.consume(pulled)).toEqual(['before', 'after']);
    await harness.clock.advance(2 * minuteMs);
    expect(new Set(this.endpoint.texts)).toEqual(new Set(['before', 'after']));
    expect(await this.page.sum('sealpost_subscription_push_stalled')).toBe(0);
  }

  async close(): Promise<void> {
    await this.harness.close();
  }
}

test('a disabled version bites at once, says why push stands still, and heals when it is enabled', async () => {
  const bench = await Bench.open();
  const { harness, key, topic, page } = bench;
  await bench.bites(() => harness.setKeyEnabled(key.version, false), 'KEY_DISABLED');
  // Nothing is wrong with push until there is something to push.
  await harness.setKeyEnabled(key.version, true);
  bench.endpoint.respond = () => 503;
  await harness.publish(topic, 'kept');
  await harness.clock.advance(1_000);
  await harness.setKeyEnabled(key.version, false);
  await harness.clock.advance(5 * minuteMs);
  const stalled = { subscription_id: 'pushed', reason: 'KEY_DISABLED' };
  expect(await page.sum('sealpost_subscription_push_stalled', stalled)).toBe(1);
  const diagnosis = await harness.until(
    harness.broker.diagnoseSubscription(subscriptionName('pushed')),
  );
  expect(diagnosis.push?.stalledBy).toMatchObject({
    reason: 'KEY_DISABLED',
    message: expect.stringContaining(`${key.version} is not enabled, current state is: DISABLED.`),
  });
  await harness.setKeyEnabled(key.version, true);
  bench.endpoint.respond = () => 204;
  await harness.clock.advance(10 * minuteMs);
  expect(bench.endpoint.texts.at(-1)).toBe('kept');
  expect(await page.sum('sealpost_subscription_push_stalled')).toBe(0);
  await bench.close();
});

test('a version that is scheduled for destruction bites; restored and enabled, it serves', async () => {
  const bench = await Bench.open();
  const { harness, key } = bench;
  await bench.bites(async () => {
    await harness.until(harness.keys.destroyVersion(key.version, true, operator));
  }, 'KEY_DESTROY_SCHEDULED');
  await bench.serves(async () => {
    await harness.until(harness.keys.restoreVersion(key.version, operator));
    await harness.setKeyEnabled(key.version, true);
  });
  await bench.close();
});

test('a destroyed version takes its messages with it; a new one publishes again', async () => {
  const bench = await Bench.open();
  const { harness } = bench;
  const { versions, cryptoKeys } = operatorOf(harness.keys);
  const parent = bench.key.name.split('/cryptoKeys/')[0]!;
  const short = { parent, id: 'short', labels: {}, skipInitialVersion: false };
  const { name } = await harness.until(
    cryptoKeys.create({ ...short, destroyScheduledSeconds: dayMs / 1000 }),
  );
  const { bindings } = await harness.until(harness.keys.getIamPolicy(bench.key.name, operator));
  await harness.until(harness.keys.setIamPolicy(name, { bindings }, operator));
  const topic = await harness.createTopic('short', { kmsKeyName: name });
  const pulled = await harness.createSubscription('s', topic);
  await harness.publish(topic, 'lost');
  await harness.until(harness.keys.destroyVersion(`${name}/cryptoKeyVersions/1`, true, operator));
  await harness.clock.advance(dayMs + 2 * minuteMs);
  const destroyed = { code: 'FAILED_PRECONDITION', reason: 'KEY_DESTROYED' };
  expect(await bench.refusal(() => harness.publish(topic, 'refused'))).toEqual(destroyed);
  expect(await bench.refusal(() => harness.pull(pulled))).toEqual(destroyed);
  await harness.until(versions.create(name));
  await harness.until(cryptoKeys.updatePrimaryVersion(name, 2));
  await harness.clock.advance(minuteMs);
  expect(await harness.publish(topic, 'new')).toHaveLength(1);
  await bench.close();
});

test("the role taken from the service agent bites under every key of the project's topics", async () => {
  const bench = await Bench.open();
  const { harness, key } = bench;
  const policy = await harness.until(harness.keys.getIamPolicy(key.name, operator));
  await bench.bites(async () => {
    await harness.until(harness.keys.setIamPolicy(key.name, { bindings: [] }, operator));
  }, 'KEY_USE_DENIED');
  await bench.serves(async () => {
    const { bindings } = policy;
    await harness.until(harness.keys.setIamPolicy(key.name, { bindings }, operator));
  });
  await bench.close();
});

// "key_access_justifications_policy: absent = allow all; present and empty = deny all".
test('a policy of access reasons that is emptied bites at once; without one the key serves', async () => {
  const bench = await Bench.open();
  const { harness, key } = bench;
  const allow = async (change: { readonly allowedAccessReasons?: readonly [] }): Promise<void> => {
    const fields = ['key_access_justifications_policy'] as const;
    await harness.until(harness.keys.updateCryptoKey(key.name, change, fields, operator));
  };
  await bench.bites(() => allow({ allowedAccessReasons: [] }), 'KEY_ACCESS_NOT_JUSTIFIED');
  await bench.serves(() => allow({}));
  await bench.close();
});

// "Delivery/publish on a caller's behalf" is CUSTOMER_INITIATED_ACCESS, also where it is a DEK in use
// that is unwrapped again.
test('a key that allows its customer alone serves for hours, and push goes on after a revocation', async () => {
  const bench = await Bench.open();
  const { harness, key, topic, pulled, endpoint } = bench;
  const allowedAccessReasons = ['CUSTOMER_INITIATED_ACCESS'] as const;
  const fields = ['key_access_justifications_policy'] as const;
  await harness.until(
    harness.keys.updateCryptoKey(key.name, { allowedAccessReasons }, fields, operator),
  );
  await harness.publish(topic, 'first');
  const stream = await harness.openStream(pulled);
  for (let minute = 0; minute < 7 * 60; minute += 5) {
    await harness.clock.advance(5 * minuteMs);
    await harness.publish(topic, `minute ${minute}`);
  }
  expect(stream.failure).toBeNull();
  stream.stream.close();
  endpoint.respond = () => 503;
  await harness.publish(topic, 'kept');
  await harness.setKeyEnabled(key.version, false);
  endpoint.respond = () => 204;
  await harness.setKeyEnabled(key.version, true);
  // Nobody publishes or pulls meanwhile.
  await harness.clock.advance(10 * minuteMs);
  expect(endpoint.texts.at(-1)).toBe('kept');
  await bench.close();
});

// Seed: "intermittent outages of Cloud KMS of under a minute may not interrupt publishing and
// delivery; longer ones have the effect of a revocation".
test('a key service that is away for 30 seconds is not noticed, whenever that is', async () => {
  for (const startMs of [0, 5.8 * minuteMs, 6.4 * minuteMs]) {
    const bench = await Bench.open();
    const { harness, topic, pulled, isAway } = bench;
    await harness.publish(topic, 'first');
    const stream = await harness.openStream(pulled);
    for (let ms = 0; ms < startMs; ms += 6_000) {
      await harness.clock.advance(6_000);
      await harness.publish(topic, 'use');
    }
    isAway.value = true;
    for (let second = 0; second < 30; second++) {
      await harness.clock.advance(1_000);
      await harness.publish(topic, `m${second}`);
    }
    isAway.value = false;
    await harness.clock.advance(30_000);
    expect(stream.failure).toBeNull();
    expect(stream.received.map(({ text }) => text)).toContain('m29');
    stream.stream.close();
    await bench.close();
  }
});

test('one that is away for an hour has the effect of a revocation, and all comes back', async () => {
  const bench = await Bench.open();
  const { harness, isAway } = bench;
  await bench.bites(async () => {
    isAway.value = true;
    await harness.clock.advance(60 * minuteMs);
  }, 'KMS_UNREACHABLE');
  await bench.serves(async () => {
    isAway.value = false;
  });
  await bench.close();
});

// Seed: "these changes are not retroactive"; "existing messages stay under the original key".
test('a key that is added, changed and removed later protects what is published from then on', async () => {
  const bench = await Bench.open();
  const { harness } = bench;
  const second = await harness.createKey();
  const topic = await harness.createTopic('bare');
  const subscription = await harness.createSubscription('s', topic);
  const setKey = async (kmsKeyName: string | undefined): Promise<void> => {
    await harness.until(
      harness.broker.updateTopic(
        topic,
        ({ kmsKeyName: _old, ...rest }) => (kmsKeyName ? { ...rest, kmsKeyName } : rest),
        ['kms_key_name'],
      ),
    );
  };
  const messages = async (keyName: string): Promise<number> =>
    (await harness.until(harness.broker.keyUse(keyName))).reduce(
      (sum, use) => sum + use.messageCount,
      0,
    );
  await harness.publish(topic, 'under the default key');
  await setKey(bench.key.name);
  await harness.publish(topic, 'under the first');
  await setKey(second.name);
  await harness.publish(topic, 'under the second');
  await setKey(undefined);
  await harness.publish(topic, 'under the default key again');
  expect(await messages(bench.key.name)).toBe(1);
  expect(await messages(second.name)).toBe(1);
  // Now the first key goes: only what was published under it does.
  await harness.setKeyEnabled(bench.key.version, false);
  expect(await harness.consume(subscription, 1)).toEqual(['under the default key']);
  await harness.setKeyEnabled(bench.key.version, true);
  expect(await harness.consume(subscription)).toHaveLength(3);
  await bench.close();
});
