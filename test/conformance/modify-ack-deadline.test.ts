import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf, type Pulled } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('ModifyAckDeadline over %s', (wire) => {
  const api = liveApi(live, wire);
  const modify = (
    subscription: string,
    pulled: readonly Pulled[],
    ackDeadlineSeconds: number,
  ): Promise<unknown> => {
    const ackIds = pulled.map(({ ackId }) => ackId);
    return api.call('ModifyAckDeadline', { subscription, ackIds, ackDeadlineSeconds });
  };

  test('"the new ack deadline will expire 10 seconds after the ModifyAckDeadline call was made"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'longer', 'as it was');
    const pulled = await api.pull(subscription, 2);
    const longer = pulled.filter((each) => textOf(each) === 'longer');
    expect(await modify(subscription, longer, 600)).toEqual({});
    await live.pass(11_000);
    const [again] = await api.pull(subscription, 1);
    expect(textOf(again!)).toBe('as it was');
    await api.acknowledge(subscription, [again!]);
    await live.pass(500_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
    await live.pass(100_000);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['longer']);
  });

  test('a deadline may be shortened', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    await api.publish(topic, 'x');
    await modify(subscription, await api.pull(subscription, 1), 5);
    await live.pass(6_000);
    expect(await api.pull(subscription, 1)).toHaveLength(1);
  });

  test('"Specifying zero might immediately make the message available for delivery": it does, with a new ack id', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'nacked');
    const [first] = await api.pull(subscription, 1);
    await modify(subscription, [first!], 0);
    const [second] = await api.pull(subscription, 1);
    expect(second?.message).toEqual(first?.message);
    expect(second?.ackId).not.toBe(first?.ackId);
    await api.acknowledge(subscription, [second!]);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('exactly once: an id whose deadline has passed is named, and the others are moved', async () => {
    const topic = await api.topic();
    const more = { enableExactlyOnceDelivery: true, ackDeadlineSeconds: 10 };
    const subscription = await api.subscription(topic, more);
    await api.publish(topic, 'late');
    const [late] = await api.pull(subscription, 1);
    await live.pass(11_000);
    const [again] = await api.pull(subscription, 1);
    const ackIds = [late!.ackId, again!.ackId];
    const request = { subscription, ackIds, ackDeadlineSeconds: 60 };
    expect(await api.detailed('ModifyAckDeadline', request)).toEqual({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Some acknowledgement ids in the request were invalid\. /),
      details: [
        {
          reason: 'EXACTLY_ONCE_ACKID_FAILURE',
          domain: 'pubsub.googleapis.com',
          metadata: { [late!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
        },
      ],
    });
    await live.pass(20_000);
    await api.acknowledge(subscription, [again!]);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a nack wakes a pull that waits', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'x');
    const pulled = await api.pull(subscription, 1);
    const waiting = api.pull(subscription, 1);
    await modify(subscription, pulled, 0);
    expect((await waiting).map(textOf)).toEqual(['x']);
  });

  test('the ack id of an earlier delivery does not change the deadline of the present one', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 60 });
    await api.publish(topic, 'x');
    const first = await api.pull(subscription, 1);
    await modify(subscription, first, 0);
    await api.pull(subscription, 1);
    await modify(subscription, first, 0);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('after an ack it changes nothing and is no error', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'x');
    const pulled = await api.pull(subscription, 1);
    await api.acknowledge(subscription, pulled);
    await modify(subscription, pulled, 0);
    await modify(subscription, pulled, 60);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test.each([-1, 601])('the deadline %i is out of range', async (ackDeadlineSeconds) => {
    const subscription = await api.subscription(await api.topic());
    const request = { subscription, ackIds: ['x'], ackDeadlineSeconds };
    expect(await api.refusal('ModifyAckDeadline', request)).toEqual(
      invalid(
        `Invalid ack deadline given (ack_deadline=${ackDeadlineSeconds}). The ack deadline must be between 0 and 600 seconds.`,
      ),
    );
  });

  test.each([0, 600])('the deadline %i is within range', async (seconds) => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'x');
    expect(await modify(subscription, await api.pull(subscription, 1), seconds)).toEqual({});
  });

  test('no ack id is refused', async () => {
    const subscription = await api.subscription(await api.topic());
    const request = { subscription, ackIds: [], ackDeadlineSeconds: 10 };
    expect(await api.refusal('ModifyAckDeadline', request)).toEqual(
      invalid('You have not specified an ack ID in the request.'),
    );
  });

  test('a malformed ack id is refused, and names itself', async () => {
    const subscription = await api.subscription(await api.topic());
    const request = { subscription, ackIds: ['malformed'], ackDeadlineSeconds: 10 };
    expect(await api.refusal('ModifyAckDeadline', request)).toEqual(
      invalid('You have passed an invalid ack ID to the service (ack_id=malformed).'),
    );
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const subscription = api.subscriptionName(id);
    const request = { subscription, ackIds: ['x'], ackDeadlineSeconds: 10 };
    expect(await api.refusal('ModifyAckDeadline', request)).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    const request = { subscription, ackIds: ['x'], ackDeadlineSeconds: 10 };
    expect(await api.refusal('ModifyAckDeadline', request)).toEqual(invalidName(subscription));
  });
});
