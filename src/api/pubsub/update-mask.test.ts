import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';

import { SubscriptionSchema } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { subscriptionMask } from './subscription-message.ts';
import { masked, readMask } from './update-mask.ts';

type Init = MessageInitShape<typeof SubscriptionSchema>;

const update = (stored: Init, given: Init, ...paths: string[]): unknown => {
  const mask = readMask(paths, subscriptionMask);
  return masked(
    SubscriptionSchema,
    create(SubscriptionSchema, stored),
    create(SubscriptionSchema, given),
    mask,
  );
};
const message = (init: Init): unknown => create(SubscriptionSchema, init);

describe('masked', () => {
  test('takes what is named, and nothing else', () => {
    const stored: Init = { name: 'n', ackDeadlineSeconds: 10, labels: { a: '1' } };
    const given: Init = { name: 'other', ackDeadlineSeconds: 20, labels: { b: '2' } };
    expect(update(stored, given, 'ack_deadline_seconds')).toEqual(
      message({ ...stored, ackDeadlineSeconds: 20 }),
    );
    expect(update(stored, given, 'labels')).toEqual(message({ ...stored, labels: { b: '2' } }));
  });

  test('takes a part of a policy, and makes the policy where there was none', () => {
    const minimumBackoff = { seconds: 3n };
    const maximumBackoff = { seconds: 60n };
    const given: Init = { retryPolicy: { minimumBackoff } };
    expect(
      update({ retryPolicy: { maximumBackoff } }, given, 'retry_policy.minimum_backoff'),
    ).toEqual(message({ retryPolicy: { minimumBackoff, maximumBackoff } }));
    expect(update({}, given, 'retry_policy.minimum_backoff')).toEqual(message(given));
  });

  test('unsets what is named and not given, the whole or a part', () => {
    const deadLetterPolicy = { deadLetterTopic: 't', maxDeliveryAttempts: 7 };
    expect(update({ deadLetterPolicy }, {}, 'dead_letter_policy')).toEqual(message({}));
    expect(update({ deadLetterPolicy }, {}, 'dead_letter_policy.max_delivery_attempts')).toEqual(
      message({ deadLetterPolicy: { deadLetterTopic: 't' } }),
    );
  });

  test('a member of a choice replaces the other, and is unset alone', () => {
    const noWrapper: Init = { pushConfig: { wrapper: { case: 'noWrapper', value: {} } } };
    const wrapper: Init = { pushConfig: { wrapper: { case: 'pubsubWrapper', value: {} } } };
    expect(update(noWrapper, wrapper, 'push_config.pubsub_wrapper')).toEqual(message(wrapper));
    expect(update(noWrapper, {}, 'push_config.pubsub_wrapper')).toEqual(message(noWrapper));
    expect(update(noWrapper, {}, 'push_config.no_wrapper')).toEqual(message({ pushConfig: {} }));
  });

  test('the stored message is left as it was', () => {
    const stored = create(SubscriptionSchema, { pushConfig: { pushEndpoint: 'a' } });
    const given = create(SubscriptionSchema, { pushConfig: { pushEndpoint: 'b' } });
    masked(
      SubscriptionSchema,
      stored,
      given,
      readMask(['push_config.push_endpoint'], subscriptionMask),
    );
    expect(stored.pushConfig?.pushEndpoint).toBe('a');
  });
});

describe('readMask', () => {
  test('both spellings mean the same, and a field is told once', () => {
    const paths = ['pushConfig.pushEndpoint', 'push_config.oidc_token', 'ackDeadlineSeconds'];
    const mask = readMask(paths, subscriptionMask);
    expect(mask.paths).toEqual([
      ['push_config', 'push_endpoint'],
      ['push_config', 'oidc_token'],
      ['ack_deadline_seconds'],
    ]);
    expect([...mask.fields]).toEqual(['push_config', 'ack_deadline_seconds']);
  });

  test.each([
    'nope',
    'push_config.nope',
    'labels.key',
    'ack_deadline_seconds.x',
    'retry_policy.minimum_backoff.seconds',
    'message_transforms.disabled',
    'push_config.',
    '.',
    '__proto__',
  ])('%s is no field', (path) => {
    expect(() => readMask([path], subscriptionMask)).toThrow(
      `${path} is not a known Subscription field.`,
    );
  });
});
