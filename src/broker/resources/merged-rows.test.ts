import { expect, test } from 'vitest';

import type { SubscriptionRow, TopicRow } from '../catalog/catalog-rows.ts';
import { mergeSubscription, mergeTopic } from './merged-rows.ts';
import type { Subscription } from '../service.ts';

const row: SubscriptionRow = {
  name: 'projects/p/subscriptions/sub',
  labels: { a: '1' },
  ackDeadlineSeconds: 20,
  retainAckedMessages: true,
  messageRetentionMs: 600_000,
  expirationTtlMs: 86_400_000,
  pushConfig: { endpoint: 'https://example.com', attributes: {} },
  filter: 'attributes:a',
  enableMessageOrdering: true,
  deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 5 },
  retryPolicy: { minimumBackoffMs: 1, maximumBackoffMs: 2 },
  enableExactlyOnceDelivery: true,
  detached: true,
  id: 7,
  topicUid: 'ab',
  log: 8,
  start: 9,
};

const bare: Subscription = {
  name: 'projects/p/subscriptions/sub',
  topic: '',
  labels: {},
  ackDeadlineSeconds: 10,
  retainAckedMessages: false,
  messageRetentionMs: 604_800_000,
};

test('a field that is not named stays, whatever is given for it', () => {
  expect(mergeSubscription(row, bare, new Set())).toEqual(row);
});

test('every field that may change is taken over, and gone where it is absent', () => {
  const fields = [
    'labels',
    'push_config',
    'ack_deadline_seconds',
    'retain_acked_messages',
    'message_retention_duration',
    'expiration_policy',
    'dead_letter_policy',
    'retry_policy',
    'enable_exactly_once_delivery',
  ];
  const { name, filter, enableMessageOrdering, detached, id, topicUid, log, start } = row;
  expect(mergeSubscription(row, bare, new Set(fields))).toEqual({
    name,
    filter,
    enableMessageOrdering,
    detached,
    id,
    topicUid,
    log,
    start,
    labels: {},
    ackDeadlineSeconds: 10,
    retainAckedMessages: false,
    messageRetentionMs: 604_800_000,
  });
});

test('no name of a field reaches what belongs to the broker or never changes', () => {
  const changed = { ...bare, name: 'other', filter: '', detached: false, id: 0, uid: 'x' };
  const fields = [
    'name',
    'topic',
    'filter',
    'detached',
    'id',
    'uid',
    'log',
    'enable_message_ordering',
  ];
  expect(mergeSubscription(row, changed, new Set(fields))).toEqual(row);
});

test("a topic's key, retention and storage policy change and go alike", () => {
  const topic: TopicRow = { name: 't', labels: {}, uid: 'u', log: 1, kmsKeyName: 'k' };
  const messageStoragePolicy = { allowedPersistenceRegions: ['eu'], enforceInTransit: true };
  const given = { name: 't', labels: {}, messageRetentionMs: 600_000, messageStoragePolicy };
  const fields = new Set(['kms_key_name', 'message_retention_duration', 'message_storage_policy']);
  const merged = mergeTopic(topic, given, fields);
  expect(merged).toEqual({ ...given, uid: 'u', log: 1 });
  expect(mergeTopic(merged, { name: 't', labels: {} }, fields)).toEqual({
    name: 't',
    labels: {},
    uid: 'u',
    log: 1,
  });
});
