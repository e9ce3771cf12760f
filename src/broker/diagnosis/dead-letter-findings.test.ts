import { afterEach, beforeEach, expect, test } from 'vitest';

import { BrokerHarness } from '../../../test/support/broker-harness.ts';
import { DeadLetterBench } from '../../../test/support/dead-letter-bench.ts';
import type { Finding } from '../service.ts';
import { sealableMessage } from '../wire/index.ts';

let harness: BrokerHarness;
let bench: DeadLetterBench;
let failedVersion: string;

async function open(kitchen: Parameters<typeof DeadLetterBench.open>[1] = {}): Promise<void> {
  const key = await harness.createKey();
  failedVersion = key.version;
  bench = await DeadLetterBench.open(harness, { failedKey: key.name, ...kitchen });
}

beforeEach(async () => {
  harness = await BrokerHarness.open();
});
afterEach(async () => {
  await harness.close();
});

async function found(): Promise<readonly Finding[]> {
  const { findings } = await harness.until(harness.broker.diagnoseSubscription(bench.kitchen));
  return findings;
}

const reasons = async (): Promise<string[]> => (await found()).map(({ reason }) => reason);

test('a dead letter topic that fares well is not worth a word', async () => {
  await open();
  expect(await reasons()).toEqual(['CAUGHT_UP']);
});

test('one that was deleted is told at once, and no more when it is there again', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await harness.until(harness.broker.deleteTopic(bench.failed));
  await bench.refuse(6);
  const [, finding] = await found();
  expect(finding).toEqual({
    severity: 'warning',
    reason: 'DEAD_LETTER_TOPIC_MISSING',
    message: `The dead letter topic ${bench.failed} does not exist: messages stay and come again, also those that failed 5 times.`,
  });
  await harness.createTopic('failed');
  await harness.createSubscription('second-clerk', bench.failed);
  expect(await reasons()).toEqual(['NO_CONSUMER']);
});

test('a forward that failed is told in the words of its failure, until one succeeds', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await harness.setKeyEnabled(failedVersion, false);
  await bench.refuse(5);
  const [, finding] = await found();
  expect(finding).toMatchObject({ severity: 'warning', reason: 'DEAD_LETTERS_REFUSED' });
  expect(finding?.message).toMatch(/^Messages that failed 5 times stay .* KEY_DISABLED: /);
  await harness.setKeyEnabled(failedVersion, true);
  await bench.refuse(1);
  expect(await reasons()).toEqual(['CAUGHT_UP']);
});

test('a failure on the way to one topic says nothing of another', async () => {
  await open();
  await harness.publish(bench.orders, 'soup');
  await harness.setKeyEnabled(failedVersion, false);
  await bench.refuse(5);
  const other = await harness.createTopic('other');
  await harness.createSubscription('other-clerk', other);
  const policy = { deadLetterTopic: other, maxDeliveryAttempts: 50 };
  await bench.change('dead_letter_policy', { deadLetterPolicy: policy });
  expect(await reasons()).toEqual(['NO_CONSUMER']);
  await harness.setKeyEnabled(failedVersion, true);
});

test('a dead letter topic that nobody reads is a warning', async () => {
  await open();
  await harness.until(harness.broker.deleteSubscription(bench.clerk));
  const [finding] = await found();
  expect(finding).toMatchObject({ severity: 'warning', reason: 'DEAD_LETTER_TOPIC_UNREAD' });
  expect(finding?.message).toContain(bench.failed);
});

test('what waits for the retry policy is counted', async () => {
  const retryPolicy = { minimumBackoffMs: 10_000, maximumBackoffMs: 600_000 };
  await open({ kitchen: { retryPolicy } });
  await harness.publish(bench.orders, 'soup', 'salad', 'bread');
  const batch = await harness.pull(bench.kitchen);
  await bench.nack(batch.slice(1));
  expect((await found()).at(-1)).toEqual({
    severity: 'info',
    reason: 'DELAYED_BY_RETRY',
    message: '2 messages failed and must wait as long as the retry policy says.',
  });
  await harness.acknowledge(bench.kitchen, [batch[0]!.ackId]);
  await harness.clock.advance(11_000);
  expect(await reasons()).not.toContain('DELAYED_BY_RETRY');
});

test('what waits behind an earlier message of its ordering key is counted', async () => {
  await open({ kitchen: { enableMessageOrdering: true } });
  const messages = ['one', 'two', 'three'].map((text) =>
    sealableMessage({ data: Buffer.from(text), attributes: [], orderingKey: 'table-7' }),
  );
  await harness.until(harness.broker.publish(bench.orders, messages));
  await bench.refuse(1);
  const [first] = await harness.pull(bench.kitchen, 1);
  expect(first?.text).toBe('one');
  const told = await found();
  expect(told.at(-1)).toEqual({
    severity: 'info',
    reason: 'HELD_BY_ORDER',
    message:
      '2 messages of those looked at so far must wait for an earlier one of the same ordering key.',
  });
});
