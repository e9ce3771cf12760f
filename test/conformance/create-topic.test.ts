import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import {
  alreadyExists,
  badArgument,
  badIds,
  goodIds,
  invalid,
  invalidName,
} from './expected-refusals.ts';

const live = useTestedServer();
const keyPattern = String.raw`[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}`;
const valuePattern = String.raw`[\p{Ll}\p{Lo}\p{N}_-]{0,63}`;

describe.each(wireNames)('CreateTopic over %s', (wire) => {
  const api = liveApi(live, wire);
  const fresh = (): string => api.topicName(freshId('topic'));

  test('"Creates the given topic with the given name": it comes back, ACTIVE, without defaults', async () => {
    const name = fresh();
    expect(await api.call('CreateTopic', { name })).toEqual({ name, state: 'ACTIVE' });
  });

  test('labels and message_retention_duration are kept', async () => {
    const name = fresh();
    const request = {
      name,
      labels: { team: 'a-b_1', ключ: '值' },
      messageRetentionDuration: '600s',
    };
    expect(await api.call('CreateTopic', request)).toEqual({ ...request, state: 'ACTIVE' });
    expect(await api.call('GetTopic', { topic: name })).toEqual({ ...request, state: 'ACTIVE' });
  });

  test('"If the topic already exists, returns ALREADY_EXISTS"', async () => {
    const name = await api.topic();
    const id = name.split('/').at(-1)!;
    expect(await api.refusal('CreateTopic', { name, labels: { a: 'b' } })).toEqual(
      alreadyExists(id),
    );
  });

  test.each(goodIds)('the id %s is one, and is found under exactly that name', async (id) => {
    const name = api.topicName(id);
    expect(await api.call('CreateTopic', { name })).toMatchObject({ name });
    expect(await api.call('GetTopic', { topic: name })).toMatchObject({ name });
    await api.call('DeleteTopic', { topic: name });
  });

  test.each(badIds)(
    'the id %s is none: "It must be between 3 and 255 characters …"',
    async (id) => {
      const name = api.topicName(id);
      expect(await api.refusal('CreateTopic', { name })).toEqual(invalidName(name));
    },
  );

  test.each([
    { Upper: 'a' },
    { '': 'a' },
    { [`a${'b'.repeat(63)}`]: 'a' },
    { '1a': 'a' },
  ] satisfies Record<string, string>[])('the label key of %j is refused', async (labels) => {
    const [key] = Object.keys(labels);
    const text = `Invalid labels: Invalid field "labels"; key "${key}" does not conform to regular expression "${keyPattern}"`;
    expect(await api.refusal('CreateTopic', { name: fresh(), labels })).toEqual(badArgument(text));
  });

  test.each(['A', 'a b', 'b'.repeat(64)])('the label value %j is refused', async (value) => {
    const text = `Invalid labels: Invalid field "labels"; value "${value}" does not conform to regular expression "${valuePattern}"`;
    const request = { name: fresh(), labels: { a: value } };
    expect(await api.refusal('CreateTopic', request)).toEqual(badArgument(text));
  });

  test('"no more than 64 labels"', async () => {
    const labels = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, '']));
    await api.call('CreateTopic', { name: fresh(), labels: labels(64) });
    expect((await api.refusal('CreateTopic', { name: fresh(), labels: labels(65) })).code).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test.each([
    ['599s', '9m59s'],
    ['2678401s', '744h1s'],
    ['0s', '0s'],
  ])('"Cannot be more than 31 days or less than 10 minutes": %s', async (duration, shown) => {
    const request = { name: fresh(), messageRetentionDuration: duration };
    expect(await api.refusal('CreateTopic', request)).toEqual(
      invalid(
        `The value for message retention duration is out of bounds. You passed ${shown} in the request, but the value must be between 10m and 744h.`,
      ),
    );
  });

  test.each(['600s', '2678400s'])('a retention of %s is within bounds', async (duration) => {
    const request = { name: fresh(), messageRetentionDuration: duration };
    expect(await api.call('CreateTopic', request)).toMatchObject(request);
  });

  test.each([
    'projects/p/keys/k',
    'projects/p/locations/global/keyRings/r/cryptoKeys/k k',
    'projects/p/locations/global/keyRings/r/cryptoKeys/kéy',
    `projects/p/locations/global/keyRings/r/cryptoKeys/${'k'.repeat(64)}`,
    'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
  ])(
    'the kms_key_name %s is none: it is refused and named, before any key is asked',
    async (kmsKeyName) => {
      const name = await api.topic();
      const refused = invalid(
        `Request field kms_key_name '${kmsKeyName}' must match projects/*/locations/*/keyRings/*/cryptoKeys/*.`,
      );
      expect(await api.refusal('CreateTopic', { name: fresh(), kmsKeyName })).toEqual(refused);
      const update = { topic: { name, kmsKeyName }, updateMask: 'kmsKeyName' };
      expect(await api.refusal('UpdateTopic', update)).toEqual(refused);
    },
  );

  test('fields that only the server sets are ignored, and tags are "Input only"', async () => {
    const name = fresh();
    const request = {
      name,
      satisfiesPzs: true,
      state: 'INGESTION_RESOURCE_ERROR',
      tags: { '123/environment': 'production' },
    };
    expect(await api.call('CreateTopic', request)).toEqual({ name, state: 'ACTIVE' });
  });

  test.each([{ environment: 'production' }, { '123/': 'a' }, { '123/a': '' }, { '1/a/b': 'c' }])(
    'the tags %j are none',
    async (tags) => {
      const { code, message } = await api.refusal('CreateTopic', { name: fresh(), tags });
      expect(code).toBe('INVALID_ARGUMENT');
      expect(message).toContain('(argument=tags: ');
    },
  );

  test('a message storage policy is kept, over a restart', async () => {
    const messageStoragePolicy = {
      allowedPersistenceRegions: ['europe-west1', 'us-central1'],
      enforceInTransit: true,
    };
    const name = fresh();
    const expected = { name, messageStoragePolicy, state: 'ACTIVE' };
    expect(await api.call('CreateTopic', { name, messageStoragePolicy })).toEqual(expected);
    await live.restart();
    expect(await api.call('GetTopic', { topic: name })).toEqual(expected);
  });

  test.each([
    [[], ' must not be empty'],
    [[''], ': "" is no region'],
    [['Europe West'], ': "Europe West" is no region'],
  ])(
    '"An empty list means that no regions are allowed, and is not a valid configuration": %j',
    async (allowedPersistenceRegions, fault) => {
      const request = { name: fresh(), messageStoragePolicy: { allowedPersistenceRegions } };
      expect(await api.refusal('CreateTopic', request)).toEqual(
        badArgument(`message_storage_policy.allowed_persistence_regions${fault}`),
      );
    },
  );

  test.each([['ingestion_data_source_settings', { ingestionDataSourceSettings: {} }]])(
    '%s is refused rather than forgotten',
    async (field, more) => {
      expect(await api.refusal('CreateTopic', { name: fresh(), ...more })).toEqual({
        code: 'UNIMPLEMENTED',
        message: `The field "${field}" of google.pubsub.v1.Topic is not supported by this server.`,
      });
    },
  );
});
