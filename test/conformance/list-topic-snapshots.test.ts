import { describe, expect, test } from 'vitest';

import { freshId, LiveApi, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalidName, notFound } from './expected-refusals.ts';
import { pagingCases } from './paging.ts';

const live = useTestedServer();

describe.each(wireNames)('ListTopicSnapshots over %s', (wire) => {
  const api = liveApi(live, wire);

  pagingCases(() => new LiveApi(api.wire, `${api.project}-${freshId('paged')}`), {
    rpc: 'ListTopicSnapshots',
    field: 'snapshots',
    parent: async (own) => ({ topic: await own.topic() }),
    add: async (own, { topic }, id) => {
      const subscription = await own.subscription(topic!);
      const name = own.snapshotName(id);
      await own.call('CreateSnapshot', { name, subscription });
      return name;
    },
    remove: (own, snapshot) => own.call('DeleteSnapshot', { snapshot }),
  });

  test('"Lists the names of the snapshots on this topic", also where the subscription is gone', async () => {
    const [topic, other] = [await api.topic(), await api.topic()];
    const subscription = await api.subscription(topic);
    const snapshots = [await api.snapshot(subscription), await api.snapshot(subscription)];
    await api.snapshot(await api.subscription(other));
    await api.call('DeleteSubscription', { subscription });
    expect(await api.call('ListTopicSnapshots', { topic })).toEqual({
      snapshots: snapshots.toSorted(),
    });
  });

  test('a topic that is not there is NOT_FOUND, a bad name is refused', async () => {
    const id = freshId('missing');
    expect(await api.refusal('ListTopicSnapshots', { topic: api.topicName(id) })).toEqual(
      notFound(id),
    );
    const topic = api.topicName('ab');
    expect(await api.refusal('ListTopicSnapshots', { topic })).toEqual(invalidName(topic));
  });
});
