import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';

import {
  PubsubMessageSchema,
  PullResponseSchema,
  StreamingPullResponseSchema,
  type ReceivedMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import type { Delivery } from '../service.ts';
import { encodePullResponse, encodeStreamingPullResponse } from './received-messages.ts';

const bytesOf = (data: string, orderingKey = ''): Uint8Array => {
  const attributes = { origin: 'test' };
  const fields = { data: Buffer.from(data), attributes, orderingKey };
  return toBinary(PubsubMessageSchema, create(PubsubMessageSchema, fields));
};

const deliveries: readonly Delivery[] = [
  {
    ackId: 'a'.repeat(48),
    messageId: '10000000000000000',
    publishTimeMs: 0,
    deliveryAttempt: 0,
    bytes: bytesOf(''),
  },
  {
    ackId: 'b',
    messageId: '1',
    publishTimeMs: 1_767_225_600_999,
    deliveryAttempt: 300,
    bytes: bytesOf('x'.repeat(70_000), 'key'),
  },
  {
    ackId: 'c',
    messageId: '2',
    publishTimeMs: 253_402_300_799_001,
    deliveryAttempt: 1,
    bytes: bytesOf('y'.repeat(120)),
  },
];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const expected = deliveries.map(({ ackId, messageId, publishTimeMs, deliveryAttempt, bytes }) => {
  const { data, attributes, orderingKey } = fromBinary(PubsubMessageSchema, bytes);
  const time = [BigInt(Math.floor(publishTimeMs / 1000)), (publishTimeMs % 1000) * 1_000_000];
  const message = { data: text(data), attributes: { ...attributes }, orderingKey, messageId };
  return { ackId, deliveryAttempt, time, ...message };
});

function shown(received: readonly ReceivedMessage[]): unknown[] {
  return received.map(({ ackId, deliveryAttempt, message }) => {
    const { data, attributes, orderingKey, messageId, publishTime } = message!;
    const time = [publishTime?.seconds, publishTime?.nanos];
    const rest = { data: text(data), attributes: { ...attributes }, orderingKey, messageId };
    return { ackId, deliveryAttempt, time, ...rest };
  });
}

test('a pull response is what generated code reads, with times of zero said aloud', () => {
  const { receivedMessages } = fromBinary(PullResponseSchema, encodePullResponse(deliveries));
  expect(shown(receivedMessages)).toEqual(expected);
  expect(encodePullResponse([])).toHaveLength(0);
});

test.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])('a streaming response says exactly once %s, ordering %s', (exactlyOnce, ordering) => {
  for (const batch of [deliveries, []]) {
    const bytes = encodeStreamingPullResponse(batch, { exactlyOnce, ordering });
    const { receivedMessages, subscriptionProperties } = fromBinary(
      StreamingPullResponseSchema,
      bytes,
    );
    expect(shown(receivedMessages)).toEqual(expected.slice(0, batch.length));
    expect(subscriptionProperties).toMatchObject({
      exactlyOnceDeliveryEnabled: exactlyOnce,
      messageOrderingEnabled: ordering,
    });
  }
});
