import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('GetSubscription over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Gets the configuration details of a subscription", the same after a restart', async () => {
    const topic = await api.topic();
    const name = api.subscriptionName(freshId('kept'));
    const created = await api.call('CreateSubscription', {
      name,
      topic,
      labels: { a: 'b' },
      ackDeadlineSeconds: 33,
      retainAckedMessages: true,
      messageRetentionDuration: '700s',
      expirationPolicy: {},
    });
    expect(await api.call('GetSubscription', { subscription: name })).toEqual(created);
    await live.restart();
    expect(await api.call('GetSubscription', { subscription: name })).toEqual(created);
  });

  test('a subscription that never was is NOT_FOUND', async () => {
    const id = freshId('missing');
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('GetSubscription', { subscription })).toEqual(notFound(id));
  });

  test('a topic of that name is none', async () => {
    const id = (await api.topic()).split('/').at(-1)!;
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('GetSubscription', { subscription })).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('GetSubscription', { subscription })).toEqual(
      invalidName(subscription),
    );
  });
});
