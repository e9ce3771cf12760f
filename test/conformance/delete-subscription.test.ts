import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('DeleteSubscription over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Calls to Pull after deletion will return NOT_FOUND", and so do the others', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'gone');
    const [pulled] = await api.pull(subscription, 1);
    expect(await api.call('DeleteSubscription', { subscription })).toEqual({});
    const ackIds = [pulled!.ackId];
    const gone = notFound(subscription.split('/').at(-1)!);
    for (const refused of [
      api.refusal('Pull', { subscription, maxMessages: 1 }),
      api.refusal('Acknowledge', { subscription, ackIds }),
      api.refusal('ModifyAckDeadline', { subscription, ackIds, ackDeadlineSeconds: 10 }),
      api.refusal('GetSubscription', { subscription }),
      api.refusal('DeleteSubscription', { subscription }),
    ]) {
      expect(await refused).toEqual(gone);
    }
  });

  test('"All messages retained in the subscription are immediately dropped": one of the same name starts empty', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'dropped');
    await api.call('DeleteSubscription', { subscription });
    await api.call('CreateSubscription', { name: subscription, topic });
    await api.publish(topic, 'new');
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['new']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('an ack id of the deleted one acknowledges nothing of its successor', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const beside = await api.subscription(topic);
    await api.publish(topic, 'x');
    const pulled = await api.pull(subscription, 1);
    await api.call('DeleteSubscription', { subscription });
    await api.call('CreateSubscription', { name: subscription, topic });
    const ackIds = pulled.map(({ ackId }) => ackId);
    expect((await api.refusal('Acknowledge', { subscription, ackIds })).code).toBe(
      'INVALID_ARGUMENT',
    );
    expect(await api.pull(beside, 1)).toHaveLength(1);
  });

  test('a pull that waits is answered NOT_FOUND', async () => {
    const subscription = await api.subscription(await api.topic());
    const waiting = api.refusal('Pull', { subscription, maxMessages: 1 });
    // The delete is sent after the pull, and must not overtake it on its way.
    await api.call('GetSubscription', { subscription });
    await api.call('DeleteSubscription', { subscription });
    expect(await waiting).toEqual(notFound(subscription.split('/').at(-1)!));
  });

  test('its topic does not list it any more', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.call('DeleteSubscription', { subscription });
    expect(await api.call('ListTopicSubscriptions', { topic })).toEqual({});
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('DeleteSubscription', { subscription })).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('DeleteSubscription', { subscription })).toEqual(
      invalidName(subscription),
    );
  });
});
