import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const prefix = 'Invalid update_mask provided in the UpdateTopicRequest:';

describe.each(wireNames)('UpdateTopic over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"Updates an existing topic by updating the fields specified in the update mask"', async () => {
    const name = await api.topic({ labels: { a: '1' }, messageRetentionDuration: '600s' });
    const topic = { name, labels: { b: '2' }, messageRetentionDuration: '1200s' };
    const answer = await api.call('UpdateTopic', { topic, updateMask: 'labels' });
    const expected = { ...topic, messageRetentionDuration: '600s', state: 'ACTIVE' };
    expect(answer).toEqual(expected);
    expect(await api.call('GetTopic', { topic: name })).toEqual(expected);
  });

  test('several fields in one mask, and the change survives a restart', async () => {
    const name = await api.topic();
    const topic = { name, labels: { b: '2' }, messageRetentionDuration: '1200s' };
    await api.call('UpdateTopic', { topic, updateMask: 'labels,messageRetentionDuration' });
    await live.restart();
    expect(await api.call('GetTopic', { topic: name })).toEqual({ ...topic, state: 'ACTIVE' });
  });

  test('a field that the mask names and the topic lacks is reset', async () => {
    const name = await api.topic({ labels: { a: '1' }, messageRetentionDuration: '600s' });
    const updateMask = 'labels,messageRetentionDuration';
    expect(await api.call('UpdateTopic', { topic: { name }, updateMask })).toEqual({
      name,
      state: 'ACTIVE',
    });
  });

  test.each([[{}], [{ updateMask: '' }]])(
    'update_mask "Must be specified and non-empty": %j',
    async (mask) => {
      const topic = { name: await api.topic() };
      expect(await api.refusal('UpdateTopic', { topic, ...mask })).toEqual(
        invalid(
          'The update_mask in the UpdateTopicRequest must be set, and must contain a non-empty paths list.',
        ),
      );
    },
  );

  test.each(['name', 'state', 'tags', 'satisfiesPzs'])('%s is not mutable', async (field) => {
    const topic = { name: await api.topic() };
    const snake = field.replace('P', '_p');
    expect(await api.refusal('UpdateTopic', { topic, updateMask: field })).toEqual(
      invalid(`${prefix} the '${snake}' field in the Topic is not mutable.`),
    );
  });

  test('a path that is no field is refused, and nothing of the mask is applied', async () => {
    const name = await api.topic({ labels: { a: '1' } });
    const topic = { name, labels: { a: '2' } };
    expect(await api.refusal('UpdateTopic', { topic, updateMask: 'labels,nope' })).toEqual(
      invalid(
        `${prefix} nope is not a known Topic field. Note that field paths must be of the form 'schema_settings' rather than 'schemaSettings'.`,
      ),
    );
    expect(await api.call('GetTopic', { topic: name })).toMatchObject({ labels: { a: '1' } });
  });

  test('limits bind as in a create', async () => {
    const name = await api.topic();
    const topic = { name, messageRetentionDuration: '599s' };
    const updateMask = 'messageRetentionDuration';
    expect((await api.refusal('UpdateTopic', { topic, updateMask })).message).toContain('9m59s');
    // Outside of the mask it is not looked at.
    await api.call('UpdateTopic', { topic, updateMask: 'labels' });
  });

  test('a missing topic is NOT_FOUND, a bad name is refused', async () => {
    const id = freshId('missing');
    const request = (name: string): object => ({ topic: { name }, updateMask: 'labels' });
    expect(await api.refusal('UpdateTopic', { ...request(api.topicName(id)) })).toEqual(
      notFound(id),
    );
    const bad = api.topicName('ab');
    expect(await api.refusal('UpdateTopic', { ...request(bad) })).toEqual(invalidName(bad));
  });

  test('a message storage policy is set, changed in a part, and reset', async () => {
    const name = await api.topic();
    const messageStoragePolicy = { allowedPersistenceRegions: ['eu-west1', 'eu-west2'] };
    const update = { topic: { name, messageStoragePolicy }, updateMask: 'messageStoragePolicy' };
    const set = { name, messageStoragePolicy, state: 'ACTIVE' };
    expect(await api.call('UpdateTopic', update)).toEqual(set);
    const topic = { name, messageStoragePolicy: { enforceInTransit: true } };
    const part = { topic, updateMask: 'message_storage_policy.enforce_in_transit' };
    expect(await api.call('UpdateTopic', part)).toEqual({
      ...set,
      messageStoragePolicy: { ...messageStoragePolicy, enforceInTransit: true },
    });
    const reset = { topic: { name }, updateMask: 'messageStoragePolicy' };
    expect(await api.call('UpdateTopic', reset)).toEqual({ name, state: 'ACTIVE' });
    const empty = { topic: { name, messageStoragePolicy: {} }, updateMask: 'messageStoragePolicy' };
    expect((await api.refusal('UpdateTopic', empty)).code).toBe('INVALID_ARGUMENT');
  });

  test('an unsupported field may be reset and may not be set', async () => {
    const name = await api.topic();
    const updateMask = 'ingestionDataSourceSettings';
    await api.call('UpdateTopic', { topic: { name }, updateMask });
    const topic = { name, ingestionDataSourceSettings: {} };
    expect((await api.refusal('UpdateTopic', { topic, updateMask })).code).toBe('UNIMPLEMENTED');
  });
});
