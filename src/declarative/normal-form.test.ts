import { describe, expect, test } from 'vitest';
import { keyShape } from './shapes/key-shapes.ts';
import { changesOf, fixedChanges, normalObject } from './normal-form.ts';
import { subscriptionShape } from './shapes/subscription-shape.ts';
import { topicShape } from './shapes/topic-shapes.ts';

const fieldsOf = (changes: ReturnType<typeof changesOf>): string[] =>
  changes.map(({ path }) => path.join('.'));

describe('what differs', () => {
  test('is not what a server fills in, or says beside it', () => {
    const there = {
      name: 'projects/p/subscriptions/s',
      topic: 'projects/p/topics/t',
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    };
    expect(changesOf(there, { topic: 'projects/p/topics/t' }, subscriptionShape)).toEqual([]);
  });

  test('is not another spelling', () => {
    const there = { messageRetentionDuration: '600.500s', labels: { a: '1', b: '2' } };
    const want = { messageRetentionDuration: '600.5s', labels: { b: '2', a: '1' } };
    expect(changesOf(there, want, topicShape)).toEqual([]);
    expect(changesOf({ labels: {} }, { messageTransforms: [] }, topicShape)).toEqual([]);
  });

  test('is what is no longer said', () => {
    const there = { labels: { a: '1' }, kmsKeyName: 'k', messageRetentionDuration: '600s' };
    expect(changesOf(there, { kmsKeyName: 'k' }, topicShape)).toEqual([
      { path: ['labels'], from: { a: '1' }, to: undefined },
      { path: ['messageRetentionDuration'], from: '600s', to: undefined },
    ]);
  });

  test('is that a subscription never expires', () => {
    const want = { topic: 't', expirationPolicy: {} };
    const there = { topic: 't', expirationPolicy: { ttl: '2678400s' } };
    expect(fieldsOf(changesOf(there, want, subscriptionShape))).toEqual(['expirationPolicy']);
    expect(changesOf(want, want, subscriptionShape)).toEqual([]);
    expect(fieldsOf(changesOf(want, { topic: 't' }, subscriptionShape))).toEqual([
      'expirationPolicy',
    ]);
  });

  test('is the order of a list', () => {
    const policy = (regions: string[]): { messageStoragePolicy: object } => ({
      messageStoragePolicy: { allowedPersistenceRegions: regions },
    });
    const [one, other] = [policy(['a', 'b']), policy(['b', 'a'])] as never[];
    expect(fieldsOf(changesOf(one!, other!, topicShape))).toEqual(['messageStoragePolicy']);
  });
});

describe('what cannot be changed', () => {
  test('is found in fields of fields', () => {
    const there = { versionTemplate: { protectionLevel: 'HSM', algorithm: 'A' } };
    expect(fieldsOf(fixedChanges(there, {}, keyShape))).toEqual([
      'versionTemplate.protectionLevel',
    ]);
    const same = { versionTemplate: { protectionLevel: 'HSM' } };
    expect(fixedChanges(there, same, keyShape)).toEqual([]);
    expect(changesOf(there, same, keyShape)).toEqual([]);
  });

  test('is told of a filter that is no longer said', () => {
    const there = { topic: 't', filter: 'attributes:a' };
    expect(fieldsOf(fixedChanges(there, { topic: 't' }, subscriptionShape))).toEqual(['filter']);
  });
});

test('the normal form of a normal form is itself', () => {
  const given = { topic: 't', pushConfig: { pushEndpoint: 'http://a/', noWrapper: {} } };
  const normal = normalObject(given, subscriptionShape);
  expect(normalObject(normal, subscriptionShape)).toEqual(normal);
  expect(normal['pushConfig']).toEqual({
    pushEndpoint: 'http://a/',
    attributes: { 'x-goog-version': 'v1' },
    noWrapper: {},
  });
});
