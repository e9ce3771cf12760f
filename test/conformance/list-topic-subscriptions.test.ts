import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalidName, notFound } from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

const live = useTestedServer();

describe.each(wireNames)('ListTopicSubscriptions over %s', (wire) => {
  const api = liveApi(live, wire);

  pagingCases(() => new LiveApi(api.wire, `${api.project}-${freshId('paged')}`), {
    rpc: 'ListTopicSubscriptions',
    field: 'subscriptions',
    parent: async (own) => ({ topic: await own.topic() }),
    add: async (own, { topic }, id) => {
      const name = own.subscriptionName(id);
      await own.call('CreateSubscription', { name, topic });
      return name;
    },
    remove: (own, subscription) => own.call('DeleteSubscription', { subscription }),
  });

  test('"Lists the names of the attached subscriptions on this topic", of other projects too', async () => {
    const topic = await api.topic();
    const other = await api.topic();
    const here = await api.subscription(topic);
    await api.subscription(other);
    const away = new LiveApi(api.wire, `${api.project}-${freshId('away')}`);
    const there = await away.subscription(topic);
    expect(await api.call('ListTopicSubscriptions', { topic })).toEqual({
      subscriptions: [here, there].toSorted(),
    });
  });

  test('a topic that is not there is NOT_FOUND, a bad name is refused', async () => {
    const id = freshId('missing');
    expect(await api.refusal('ListTopicSubscriptions', { topic: api.topicName(id) })).toEqual(
      notFound(id),
    );
    const topic = api.topicName('ab');
    expect(await api.refusal('ListTopicSubscriptions', { topic })).toEqual(invalidName(topic));
  });
});
