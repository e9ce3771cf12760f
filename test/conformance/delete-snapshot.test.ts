import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('DeleteSnapshot over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Removes an existing snapshot"; the answer is empty, and nothing seeks to it', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const snapshot = await api.snapshot(subscription);
    const gone = notFound(snapshot.split('/').at(-1)!);
    expect(await api.call('DeleteSnapshot', { snapshot })).toEqual({});
    expect(await api.refusal('GetSnapshot', { snapshot })).toEqual(gone);
    expect(await api.refusal('DeleteSnapshot', { snapshot })).toEqual(gone);
    expect(await api.refusal('Seek', { subscription, snapshot })).toEqual(gone);
    await live.restart();
    expect(await api.refusal('GetSnapshot', { snapshot })).toEqual(gone);
  });

  test('"After a snapshot is deleted, a new one may be created with the same name, but the new one has no association with the old snapshot or its subscription, unless the same subscription is specified"', async () => {
    const first = await api.subscription(await api.topic());
    const topic = await api.topic();
    const second = await api.subscription(topic);
    const name = await api.snapshot(first, { labels: { old: 'yes' } });
    await api.call('DeleteSnapshot', { snapshot: name });
    const anew = await api.call('CreateSnapshot', { name, subscription: second });
    expect(anew).toMatchObject({ name, topic });
    expect(anew).not.toHaveProperty('labels');
  });

  test('one that never was is NOT_FOUND', async () => {
    const id = freshId('missing');
    expect(await api.refusal('DeleteSnapshot', { snapshot: api.snapshotName(id) })).toEqual(
      notFound(id),
    );
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const snapshot = api.snapshotName(id);
    expect(await api.refusal('DeleteSnapshot', { snapshot })).toEqual(invalidName(snapshot));
  });
});
