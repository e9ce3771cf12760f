import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalidName } from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

const live = useTestedServer();

describe.each(wireNames)('ListSubscriptions over %s', (wire) => {
  const api = liveApi(live, wire);

  pagingCases(() => new LiveApi(api.wire, `${api.project}-${freshId('paged')}`), {
    rpc: 'ListSubscriptions',
    field: 'subscriptions',
    parent: async (own) => {
      await own.call('CreateTopic', { name: own.topicName('any') });
      return { project: own.project };
    },
    add: async (own, _parent, id) => {
      const name = own.subscriptionName(id);
      await own.call('CreateSubscription', { name, topic: own.topicName('any') });
      return name;
    },
    remove: (own, subscription) => own.call('DeleteSubscription', { subscription }),
  });

  test('subscriptions come whole, those of deleted topics too, and only those of the project', async () => {
    const own = new LiveApi(api.wire, `${api.project}-${freshId('whole')}`);
    const topic = await own.topic();
    const name = await own.subscription(topic, { labels: { a: 'b' } });
    await new LiveApi(api.wire, `${own.project}0`).subscription(topic);
    const whole = await own.call('GetSubscription', { subscription: name });
    const request = { project: own.project };
    expect(await own.call('ListSubscriptions', request)).toEqual({ subscriptions: [whole] });
    await own.call('DeleteTopic', { topic });
    expect(await own.call('ListSubscriptions', request)).toEqual({
      subscriptions: [{ ...whole, topic: '_deleted-topic_' }],
    });
  });

  test('a project that is no name is refused', async () => {
    const project = `projects/${'p'.repeat(101)}`;
    expect(await api.refusal('ListSubscriptions', { project })).toEqual(invalidName(project));
  });
});
