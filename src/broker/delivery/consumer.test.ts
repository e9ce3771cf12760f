import { expect, test } from 'vitest';

import { Consumer } from './consumer.ts';

const open = (
  messagesMax: number,
  bytesMax: number,
): { consumer: Consumer; failures: unknown[] } => {
  const failures: unknown[] = [];
  const consumer = new Consumer({
    type: 'streaming pull',
    limits: { messagesMax, bytesMax, turnBytes: 1 },
    ackDeadlineMs: 10_000,
    deliver: () => false,
    fail: (error) => failures.push(error),
  });
  return { consumer, failures };
};

test('room is what flow control leaves; one message may overshoot the bytes', () => {
  const { consumer } = open(3, 100);
  expect(consumer.room).toBe(3);
  consumer.take(99);
  expect(consumer.room).toBe(2);
  consumer.take(500);
  expect(consumer.room).toBe(0);
  consumer.release(500);
  expect(consumer.room).toBe(2);
  consumer.release(99);
  expect([consumer.room, consumer.outstandingBytes, consumer.outstandingMessages]).toEqual([
    3, 0, 0,
  ]);
});

test('without limits there is always room', () => {
  const { consumer } = open(Infinity, Infinity);
  for (let i = 0; i < 1_000; i++) consumer.take(1 << 30);
  expect(consumer.room).toBe(Infinity);
});

test('a transport that has enough leaves no room until it resumes', () => {
  const { consumer } = open(3, 100);
  consumer.deliver([]);
  expect([consumer.isPaused, consumer.room]).toEqual([true, 0]);
  consumer.isPaused = false;
  expect(consumer.room).toBe(3);
});

test('says what holds it up: the transport first, then bytes, then messages', () => {
  const { consumer } = open(2, 100);
  expect(consumer.state).toBe('ok');
  consumer.take(1);
  consumer.take(1);
  expect(consumer.state).toBe('suspended_max_outstanding_messages_exceeded');
  consumer.release(1);
  consumer.take(99);
  expect(consumer.state).toBe('suspended_max_outstanding_bytes_exceeded');
  consumer.deliver([]);
  expect(consumer.state).toBe('suspended_client_flow_controlled');
});

test('is told once why nothing more comes', () => {
  const { consumer, failures } = open(3, 100);
  consumer.fail('first');
  consumer.fail('second');
  expect(failures).toEqual(['first']);
  expect(consumer.room).toBe(0);
});
