import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('GetTopic over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Gets the configuration of a topic"', async () => {
    const topic = await api.topic({ labels: { a: 'b' } });
    const expected = { name: topic, labels: { a: 'b' }, state: 'ACTIVE' };
    expect(await api.call('GetTopic', { topic })).toEqual(expected);
  });

  test('a topic that never was, or is of another project, is NOT_FOUND', async () => {
    const id = freshId('missing');
    expect(await api.refusal('GetTopic', { topic: api.topicName(id) })).toEqual(notFound(id));
    const topic = await api.topic();
    const elsewhere = topic.replace(api.project, 'projects/another');
    expect(await api.refusal('GetTopic', { topic: elsewhere })).toEqual(
      notFound(topic.split('/').at(-1)!),
    );
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const topic = api.topicName(id);
    expect(await api.refusal('GetTopic', { topic })).toEqual(invalidName(topic));
  });

  test('names tell upper and lower case apart', async () => {
    const id = freshId('case');
    await api.call('CreateTopic', { name: api.topicName(id) });
    expect((await api.refusal('GetTopic', { topic: api.topicName(id.toUpperCase()) })).code).toBe(
      'NOT_FOUND',
    );
  });

  test('it is the same after a restart', async () => {
    const topic = await api.topic({ labels: { kept: 'yes' }, messageRetentionDuration: '3600s' });
    const before = await api.call('GetTopic', { topic });
    await live.restart();
    expect(await api.call('GetTopic', { topic })).toEqual(before);
  });
});
