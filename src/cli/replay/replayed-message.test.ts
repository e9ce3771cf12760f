import { expect, test } from 'vitest';

import type { OutgoingMessage } from '../messages/outgoing-message.ts';
import type { ReceivedMessage } from '../messages/received-message.ts';
import { publishRequests, replayedMessage } from './replayed-message.ts';

const received: ReceivedMessage = {
  messageId: '7',
  publishTime: '2026-01-31T12:00:00Z',
  data: Buffer.from('x'),
  attributes: {},
  orderingKey: '',
};

const names = (attributes: Readonly<Record<string, string>>): string[] => Object.keys(attributes);

test('what the service adds is left to it, and what a message was is added', () => {
  const attributes = {
    table: '7',
    googclient_schemaencoding: 'JSON',
    googclient_traceparent: '00-1-2-01',
    CloudPubSubDeadLetterSourceSubscription: 'kitchen',
  };
  const { attributes: sent } = replayedMessage({ ...received, attributes }, 'projects/p/subs/s');
  expect(names(sent)).toEqual([
    'table',
    'googclient_traceparent',
    'CloudPubSubDeadLetterSourceSubscription',
    'SealpostReplaySubscription',
    'SealpostReplayMessageId',
    'SealpostReplayPublishTime',
  ]);
  expect(sent['SealpostReplayMessageId']).toBe('7');
});

test('a message without room for more attributes goes as it is; one replayed before has room', () => {
  const full = Object.fromEntries(Array.from({ length: 98 }, (_, i) => [`name${i}`, '']));
  expect(names(replayedMessage({ ...received, attributes: full }, 's').attributes)).toEqual(
    names(full),
  );
  const less: Record<string, string> = { ...full, SealpostReplayMessageId: '1' };
  delete less['name97'];
  const sent = replayedMessage({ ...received, attributes: less }, 's').attributes;
  expect(names(sent)).toHaveLength(100);
  expect(sent['SealpostReplayMessageId']).toBe('7');
});

test('a request has one ordering key or none, keeps the order of each, and a bounded size', () => {
  const message = (text: string, orderingKey: string): OutgoingMessage => ({
    data: Buffer.from(text),
    attributes: {},
    orderingKey,
  });
  const requests = publishRequests([
    message('a1', 'a'),
    message('free', ''),
    message('b1', 'b'),
    message('a2', 'a'),
    message('x'.repeat(4_000_000), 'b'),
    message('y'.repeat(4_000_000), 'b'),
  ]);
  const shown = requests.map((each) =>
    each.map(({ data }) => Buffer.from(data).toString().slice(0, 4)).join(' '),
  );
  expect(shown).toEqual(['a1 a2', 'free', 'b1 xxxx', 'yyyy']);
});
