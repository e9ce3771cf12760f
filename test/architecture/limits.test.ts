import { gzipSync } from 'node:zlib';

import { create } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';

import { bodyBytesMax, decodeBody } from '../../src/api/http/request-body.ts';
import {
  deadLetterPolicyFromMessage,
  retryPolicyFromMessage,
} from '../../src/api/pubsub/policy-messages.ts';
import * as checks from '../../src/api/pubsub/validation.ts';
import {
  checkFilter,
  limits,
  peekLimits,
  resourceLimits,
  sealableMessage,
} from '../../src/broker/index.ts';
import type { MessageParts, ResourceLimits } from '../../src/broker/index.ts';
import { checkedSchema } from '../../src/broker/schemas/definition-check.ts';
import { limitOptions } from '../../src/config/options/limit-options.ts';
import {
  DeadLetterPolicySchema,
  RetryPolicySchema,
} from '../../src/proto/google/pubsub/v1/pubsub_pb.ts';
import { RpcError } from '../../src/rpc/index.ts';
import { defaultTransformLimits } from '../../src/transforms/limits.ts';
import { udfProblem } from '../../src/transforms/udf-rules.ts';
import { BrokerHarness, project, topicName } from '../support/broker-harness.ts';
import { textOf } from './sources.ts';

const page = textOf('docs/limits.md');

/** The cells of the rows below a heading, but for the table's head. */
function rowsOf(heading: string): string[][] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  const lines = text.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

/** 1,000 of 1000. */
const grouped = (value: number): string => value.toLocaleString('en-US');

/** What a call is refused with; a call that passes is none. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'nothing';
  } catch (error) {
    const { code, message } = error as RpcError;
    return `${code}: ${message}`;
  }
}

/** A limit by the number that it lets through, in the page's words, and a use of it. */
interface Limit {
  readonly value: number;
  readonly words: string;
  /** What has one more than the limit, or one less where it is the least. */
  readonly beyond: number;
  readonly use: (value: number) => unknown;
}

function most(value: number, use: Limit['use'], least?: number, unit = ''): Limit {
  const from = least === undefined ? '' : `${grouped(least)} to `;
  return { value, words: `${from}${grouped(value)}${unit}`, beyond: value + 1, use };
}

function seal(more: Partial<MessageParts>): unknown {
  return sealableMessage({ data: Buffer.from('x'), attributes: [], orderingKey: '', ...more });
}

const dayMs = 86_400_000;
const { durations } = checks;
const policyTopic = { deadLetterTopic: topicName('dead') };

const requestLimits = (
  harness: BrokerHarness,
  billing: string,
): Readonly<Record<string, Limit>> => ({
  'messages of a Publish': most(limits.messagesPerPublishMax, checks.checkMessageCount, 1),
  'bytes of a Publish, and of a message': most(limits.requestBytesMax, (bytes) =>
    // Sealed, its tag and its length stand before the data.
    harness.until(
      harness.broker.publish(topicName('orders'), [
        sealableMessage({ data: Buffer.alloc(bytes - 5), attributes: [], orderingKey: '' }),
      ]),
    ),
  ),
  'attributes of a message': most(limits.attributesMax, (count) =>
    seal({ attributes: Array.from({ length: count }, (_, i) => [`name${i}`, ''] as const) }),
  ),
  "bytes of an attribute's key": most(limits.attributeKeyBytesMax, (bytes) =>
    seal({ attributes: [['x'.repeat(bytes), '']] }),
  ),
  "bytes of an attribute's value": most(limits.attributeValueBytesMax, (bytes) =>
    seal({ attributes: [['name', 'x'.repeat(bytes)]] }),
  ),
  'bytes of an ordering key': most(limits.orderingKeyBytesMax, (bytes) =>
    seal({ orderingKey: 'x'.repeat(bytes) }),
  ),
  "bytes of a REST request's body": most(bodyBytesMax, (bytes) =>
    decodeBody(gzipSync(Buffer.alloc(bytes)), 'gzip'),
  ),
  'bytes of an Acknowledge or ModifyAckDeadline': most(
    524_288,
    (bytes) => checks.checkAckIds(['x'.repeat(bytes - 2)]),
    undefined,
    ', of the ids',
  ),
  'acknowledgement deadline of a subscription': most(
    limits.ackDeadlineSecondsMax,
    (seconds) => checks.ackDeadlineOf(seconds, false),
    limits.ackDeadlineSecondsMin,
    ' s',
  ),
  'deadline of ModifyAckDeadline': most(
    limits.ackDeadlineSecondsMax,
    (seconds) => checks.checkAckDeadline(seconds, 0),
    0,
    ' s',
  ),
  'retention of a topic or subscription': {
    value: durations.retentionMax,
    words: `${durations.retentionMin / 60_000} min to ${durations.retentionMax / dayMs} d`,
    beyond: durations.retentionMax + 1_000,
    use: checks.checkRetention,
  },
  'time to live of an expiration policy': {
    value: durations.expirationMin,
    words: `at least ${durations.expirationMin / dayMs} d`,
    beyond: durations.expirationMin - 1_000,
    use: checks.checkExpiration,
  },
  'delivery attempts before a dead letter': most(
    100,
    (maxDeliveryAttempts) =>
      deadLetterPolicyFromMessage(
        create(DeadLetterPolicySchema, { ...policyTopic, maxDeliveryAttempts }),
      ),
    5,
  ),
  'backoff of a retry policy': most(
    durations.backoffMax / 1_000,
    (seconds) =>
      retryPolicyFromMessage(
        create(RetryPolicySchema, {
          minimumBackoff: { seconds: BigInt(seconds) },
          maximumBackoff: { seconds: 600n },
        }),
      ),
    0,
    ' s',
  ),
  'bytes of a filter': most(256, (bytes) =>
    checkFilter(`attributes.x = "${'y'.repeat(bytes - 17)}"`),
  ),
  'labels of a resource': most(64, (count) =>
    checks.checkLabels(Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, '']))),
  ),
  'items of a page': most(1_000, (size) => checks.pageRequest(size, ''), 0),
  "bytes of a schema's definition": most(limits.schemaBytesMax, (bytes) => {
    const record = '{"type":"record","name":"a","fields":[],"doc":""}';
    const definition = record.replace('""', `"${'x'.repeat(bytes - record.length)}"`);
    return checkedSchema({ type: 'AVRO', definition } as never);
  }),
  "bytes of a function's code": most(defaultTransformLimits.codeBytesMax, (bytes) => {
    const udf = { functionName: 'f', code: 'x'.repeat(bytes) };
    const problem = udfProblem(udf, defaultTransformLimits);
    if (problem !== null)
      throw new RpcError('INVALID_ARGUMENT', 'INVALID_ARGUMENT', `… ${problem}`);
  }),
  'messages of a peek': most(
    peekLimits.messagesMax,
    (messagesMax) => look(harness, billing, { messagesMax }),
    1,
  ),
  'bytes of a peek': most(
    peekLimits.bytesMax,
    (bytesMax) => look(harness, billing, { bytesMax }),
    1,
  ),
});

const look = (harness: BrokerHarness, name: string, more: object): unknown =>
  harness.until(
    harness.broker.views.peek(name, { ...peekLimits, pageToken: '', ...more }, () => 0),
  );

test('the limits of requests are those that are enforced, and so are the words of their refusals', async () => {
  const harness = await BrokerHarness.open();
  const topic = await harness.createTopic('orders');
  const billing = await harness.createSubscription('billing', topic);
  const enforced = requestLimits(harness, billing);
  const rows = rowsOf('Of requests and settings');
  expect(rows.map(([what]) => what)).toEqual(Object.keys(enforced));
  for (const [what = '', , here, error] of rows) {
    const { words, value, beyond, use } = enforced[what]!;
    expect([what, here]).toEqual([what, words]);
    expect([what, await refusal(() => use(value))]).toEqual([what, 'nothing']);
    expect([what, await refusal(() => use(beyond))]).toEqual([what, error]);
  }
  await harness.close();
});

/** Each limit, its quota's name, and what uses one of it up beside a topic and its subscription. */
const resources: Readonly<Record<string, readonly [keyof ResourceLimits, string]>> = {
  'topics of a project': ['topicsPerProject', 'topicsMax'],
  'subscriptions of a project': ['subscriptionsPerProject', 'subscriptionsMax'],
  'subscriptions of a topic': ['subscriptionsPerTopic', 'subscriptionsMax'],
  'snapshots of a project': ['snapshotsPerProject', 'snapshotsMax'],
  'snapshots of a topic': ['snapshotsPerTopic', 'snapshotsMax'],
  'schemas of a project': ['schemasPerProject', 'schemasMax'],
  'revisions of a schema': ['revisionsPerSchema', ''],
};

describe('the limits of resources', () => {
  test('are the defaults of their options', () => {
    const rows = rowsOf('Of resources');
    expect(rows.map(([what]) => what)).toEqual(Object.keys(resources));
    for (const [what = '', , here, option = ''] of rows) {
      const [limit, field] = resources[what]!;
      expect([what, here]).toEqual([what, grouped(resourceLimits[limit])]);
      if (field === '') continue;
      const known = limitOptions.find((each) => each.field === field)!;
      expect([what, option]).toEqual([what, `\`--${known.name}\``]);
      expect([what, Number(known.default)]).toEqual([what, resourceLimits[limit]]);
    }
  });

  test.each([
    'topics',
    'subscriptions',
    'subscriptions per topic',
    'snapshots',
    'snapshots per topic',
  ])('refuse one more of %s with their sentence', async (quota) => {
    const [what] = rowsOf('Of resources').find((cells) => cells.at(-1) === quota)!;
    const [limit] = resources[what!]!;
    const none = { ...resourceLimits, [limit]: quota === 'topics' ? 0 : 1 };
    const harness = await BrokerHarness.open({ limits: { resources: none } });
    const use = async (): Promise<void> => {
      const topic = await harness.createTopic('orders');
      const billing = await harness.createSubscription('billing', topic);
      if (quota.startsWith('subs')) await harness.createSubscription('second', topic);
      await harness.createSnapshot('first', billing);
      await harness.createSnapshot('second', billing);
    };
    const [sentence = ''] = /RESOURCE_EXHAUSTED: .*\.$/m.exec(page) ?? [];
    const expected = sentence.replace('QUOTA', quota).replace('PROJECT', project.slice(9));
    expect(await refusal(use)).toBe(expected);
    await harness.close();
  });
});
