import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const dayMs = 24 * 3_600_000;

describe.each(wireNames)('GetSnapshot over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Gets the configuration details of a snapshot", the same after a restart', async () => {
    const topic = await api.topic();
    const snapshot = await api.snapshot(await api.subscription(topic), { labels: { a: 'b' } });
    const shown = await api.call('GetSnapshot', { snapshot });
    expect(shown).toMatchObject({ name: snapshot, topic, labels: { a: 'b' } });
    await live.restart();
    expect(await api.call('GetSnapshot', { snapshot })).toEqual(shown);
  });

  test('a snapshot of a deleted topic says so', async () => {
    const topic = await api.topic();
    const snapshot = await api.snapshot(await api.subscription(topic));
    await api.call('DeleteTopic', { topic });
    expect(await api.call('GetSnapshot', { snapshot })).toMatchObject({ topic: '_deleted-topic_' });
  });

  test('"The snapshot is guaranteed to exist up until this time", and then it goes', async () => {
    const snapshot = await api.snapshot(await api.subscription(await api.topic()));
    await live.pass(6 * dayMs);
    expect(await api.call('GetSnapshot', { snapshot })).toMatchObject({ name: snapshot });
    await live.pass(1.1 * dayMs);
    expect(await api.untilRefused('GetSnapshot', { snapshot })).toEqual(
      notFound(snapshot.split('/').at(-1)!),
    );
  });

  test('one that never was is NOT_FOUND', async () => {
    const id = freshId('missing');
    expect(await api.refusal('GetSnapshot', { snapshot: api.snapshotName(id) })).toEqual(
      notFound(id),
    );
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const snapshot = api.snapshotName(id);
    expect(await api.refusal('GetSnapshot', { snapshot })).toEqual(invalidName(snapshot));
  });
});
