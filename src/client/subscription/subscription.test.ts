import { describe, expect, test } from 'vitest';
import {
  deliver,
  errorFrame,
  ScriptedSession,
  type Frame,
} from '../../../test/support/scripted-session.ts';
import type { Message, SubscribeOptions, Subscription } from '../index.ts';

const source = 'projects/p/subscriptions/s';
const topic = 'projects/p/topics/t';

interface Opened {
  readonly session: ScriptedSession;
  readonly subscription: Subscription;
  readonly next: () => Promise<Message>;
}

const subscribed = (id: number): Frame => ({
  id,
  subscribed: { subscription: source, ackDeadlineSeconds: 10 },
});

/** A subscription whose stream is open under the id 1. */
async function open(options: SubscribeOptions = {}, name: string = source): Promise<Opened> {
  const session = new ScriptedSession();
  session.answersPings = true;
  const subscription = session.client.subscribe(name, options);
  await session.frames();
  await session.send(subscribed(1));
  const iterator = subscription[Symbol.asyncIterator]();
  const next = async (): Promise<Message> => (await iterator.next()).value;
  return { session, subscription, next };
}

const acks = (id: number, ...ackIds: string[]): Frame => ({
  id,
  acknowledge: { stream: 1, ackIds },
});
const modacks = (id: number, ackDeadlineSeconds: number, ...ackIds: string[]): Frame => ({
  id,
  modifyAckDeadline: { stream: 1, ackIds, ackDeadlineSeconds },
});
const settled = (id: number, ...results: string[]): Frame => ({ id, settled: { results } });

test('asks for what it was told to ask', async () => {
  const session = new ScriptedSession();
  session.client.subscribe(source, { ackDeadlineSeconds: 60, maxOutstandingMessages: 5 });
  session.client.subscribe(topic, { maxOutstandingBytes: 1_000 });
  expect(await session.frames()).toEqual([
    {
      id: 1,
      subscribe: {
        subscription: source,
        ackDeadlineSeconds: 60,
        maxOutstandingMessages: 5,
        maxOutstandingBytes: 2 ** 24,
      },
    },
    {
      id: 2,
      subscribe: {
        topic,
        ackDeadlineSeconds: 0,
        maxOutstandingMessages: 1_000,
        maxOutstandingBytes: 1_000,
      },
    },
  ]);
});

test('tells what its subscription promises once it is open', async () => {
  const session = new ScriptedSession();
  const subscription = session.client.subscribe(source);
  await session.frames();
  expect([subscription.isExactlyOnce, subscription.isOrdered]).toEqual([false, false]);
  const promises = { exactlyOnceDeliveryEnabled: true, messageOrderingEnabled: true };
  await session.send({ id: 1, subscribed: { subscription: source, ...promises } });
  expect([subscription.isExactlyOnce, subscription.isOrdered]).toEqual([true, true]);
});

test.each([['nonsense'], ['projects/p/snapshots/s'], ['projects/p/topics/t/x']])(
  'the name %s is refused at once',
  (name) => {
    expect(() => new ScriptedSession().client.subscribe(name)).toThrow('Neither projects/P');
  },
);

test.each([[{ ackDeadlineSeconds: 9 }], [{ maxOutstandingMessages: 0 }], [{ extendMs: -1 }]])(
  'the option %j is refused at once',
  (options) => {
    const { client } = new ScriptedSession();
    expect(() => client.subscribe(source, options)).toThrow(RangeError);
  },
);

describe('a message', () => {
  test('has its data in three forms, and what the server says of it', async () => {
    const { session, next } = await open();
    const message = {
      data: btoa('{"a":[1]}'),
      attributes: { x: 'y' },
      messageId: '77',
      publishTime: '2026-01-01T00:00:01.234Z',
      orderingKey: 'k',
    };
    const receivedMessages = [{ ackId: 'x', message, deliveryAttempt: 3 }];
    await session.send({ id: 1, deliver: { sequence: 1, receivedMessages } });
    const received = await next();
    expect(received).toMatchObject({
      data: new TextEncoder().encode('{"a":[1]}'),
      attributes: { x: 'y' },
      id: '77',
      publishTime: new Date('2026-01-01T00:00:01.234Z'),
      orderingKey: 'k',
      deliveryAttempt: 3,
    });
    expect([received.text(), received.json()]).toEqual(['{"a":[1]}', { a: [1] }]);
  });

  test('is acknowledged together with others, and each hears its own result', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a', 'b', 'c', 'd']));
    const messages = [await next(), await next(), await next(), await next()];
    const results = messages.slice(0, 3).map((message) => message.ack());
    const nacked = messages[3]?.nack();
    expect(await session.frames()).toEqual([acks(2, 'a', 'b', 'c'), modacks(3, 0, 'd')]);
    await session.send(settled(2, 'DONE', 'EXPIRED', 'INVALID'), settled(3, 'DONE'));
    expect(await Promise.all(results)).toEqual(['done', 'expired', 'invalid']);
    expect(await nacked).toBe('done');
  });

  test('is settled once: what comes later hears the first result', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    const message = await next();
    const results = [message.ack(), message.nack(), message.modifyAckDeadline(30), message.ack()];
    expect(await session.frames()).toEqual([acks(2, 'a')]);
    await session.send(settled(2, 'DONE'));
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done', 'done']);
  });

  test('whose ack is refused for a while is acknowledged again', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    const result = (await next()).ack();
    await session.frames();
    await session.send(errorFrame(2, 14, 'LATER'));
    await session.pass(100);
    expect(await session.frames()).toEqual([acks(3, 'a')]);
    await session.send(errorFrame(3, 7, 'NO'));
    await expect(result).rejects.toMatchObject({ status: 'PERMISSION_DENIED' });
  });

  test.each(['UNORDERED', 'FAILED'])(
    'whose ack is %s is acknowledged again behind all others, and leased until then',
    async (result) => {
      const { session, next } = await open();
      await session.send(deliver(1, 1, ['a', 'b']));
      const [first, second] = [await next(), await next()];
      const late = second.ack();
      expect(await session.frames()).toEqual([acks(2, 'b')]);
      await session.send(settled(2, result));
      expect(await session.frames()).toEqual([modacks(3, 60, 'b')]);
      const early = first.ack();
      await session.send(settled(3, 'DONE'));
      await session.pass(50);
      expect(await session.frames()).toEqual([acks(4, 'a'), acks(5, 'b')]);
      await session.send(settled(4, 'DONE'), settled(5, 'DONE'));
      expect(await Promise.all([early, late])).toEqual(['done', 'done']);
      await session.pass(60_000);
      expect(await session.frames()).toEqual([]);
    },
  );

  test('whose ack stays UNORDERED is tried for half a minute, ever less often, and told then', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    let told: string | undefined;
    void (await next()).ack().then((result) => (told = result));
    const triedMs: number[] = [];
    for (let passedMs = 0; told === undefined; passedMs += 100) {
      expect(passedMs).toBeLessThan(60_000);
      for (const { id = 0, acknowledge } of await session.frames()) {
        if (acknowledge !== undefined) triedMs.push(passedMs);
        await session.send(settled(id, acknowledge === undefined ? 'DONE' : 'UNORDERED'));
      }
      await session.pass(60);
    }
    expect(told).toBe('unordered');
    expect(triedMs.length).toBeGreaterThan(4);
    expect(triedMs.length).toBeLessThan(20);
    expect(triedMs.at(-1)).toBeGreaterThanOrEqual(25_000);
  });

  test('whose nack FAILED is given back again', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    const result = (await next()).nack();
    await session.frames();
    await session.send(settled(2, 'FAILED'));
    await session.pass(50);
    expect(await session.frames()).toEqual([modacks(3, 0, 'a')]);
    await session.send(settled(3, 'DONE'));
    expect(await result).toBe('done');
  });

  test('whose ack is UNORDERED when its loop ends is sent once more before the stream closes', async () => {
    const { session, next, subscription } = await open();
    await session.send(deliver(1, 1, ['a']));
    const result = (await next()).ack();
    await session.frames();
    await session.send(settled(2, 'UNORDERED'));
    const closed = subscription.close();
    const frames = await session.frames();
    expect(frames).toContainEqual({ id: 4, acknowledge: { stream: 1, ackIds: ['a'] } });
    await session.send(settled(3, 'DONE'), settled(4, 'DONE'), { id: 5, unsubscribed: {} });
    expect(await result).toBe('done');
    await closed;
  });

  test('whose ack is refused, which nobody looks at, is no unhandled rejection', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    void (await next()).ack();
    await session.frames();
    await session.send(errorFrame(2, 7, 'NO'));
  });
});

describe('a lease', () => {
  test('is extended before it ends, to its maximum, whether read or not', async () => {
    const { session, next } = await open({ extendMs: 30_000 });
    await session.send(deliver(1, 1, ['a', 'b']));
    await next();
    const at: number[] = [];
    for (let second = 0; second < 60; second++) {
      for (const frame of await session.frames()) {
        expect(frame).toMatchObject(modacks(frame.id ?? 0, 10, 'a', 'b'));
        at.push(second);
        await session.send(settled(frame.id ?? 0, 'DONE', 'DONE'));
      }
      await session.pass(960);
    }
    const gaps = at.map((second, index) => second - (at[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(9);
    expect(at.length).toBeGreaterThan(3);
    expect(at.at(-1)).toBeLessThan(31);
  });

  test('that ended takes what nobody read with it', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a', 'b']));
    await session.pass(6_000);
    expect(await session.frames()).toEqual([modacks(2, 10, 'a', 'b')]);
    await session.send(settled(2, 'EXPIRED', 'DONE'));
    expect((await next()).text()).toBe('b');
  });

  test('is left alone once its user has moved the deadline', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    const message = await next();
    const moved = message.modifyAckDeadline(20);
    expect(await session.frames()).toEqual([modacks(2, 20, 'a')]);
    await session.send(settled(2, 'DONE'));
    expect(await moved).toBe('done');
    await session.pass(60_000);
    expect(await session.frames()).toEqual([]);
    await expect(message.modifyAckDeadline(601)).rejects.toMatchObject({ reason: 'BAD_DEADLINE' });
  });

  test('ends with its ack: nothing is extended, and no timer is left', async () => {
    const { session, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    void (await next()).ack();
    await session.frames();
    await session.pass(30_000);
    expect(await session.frames()).toEqual([]);
  });
});

describe('what may be held', () => {
  test('is bounded: the next comes when one is settled', async () => {
    const { session, next } = await open({ maxOutstandingMessages: 2 });
    await session.send(deliver(1, 1, ['a', 'b']), deliver(1, 2, ['c']));
    const first = await next();
    await next();
    let third: Message | undefined;
    void next().then((message) => (third = message));
    await session.pass();
    expect(third).toBeUndefined();
    void first.ack();
    await session.pass();
    expect(third?.text()).toBe('c');
  });

  test('is bounded in bytes too', async () => {
    const { session, next } = await open({ maxOutstandingBytes: 1 });
    await session.send(deliver(1, 1, ['a', 'b']));
    const first = await next();
    let second: Message | undefined;
    void next().then((message) => (second = message));
    await session.pass();
    expect(second).toBeUndefined();
    void first.nack();
    await session.pass();
    expect(second?.text()).toBe('b');
  });
});

describe('a stream that ends', () => {
  test.each([
    [8, 'RESOURCE_EXHAUSTED'],
    [9, 'FAILED_PRECONDITION'],
    [10, 'ABORTED'],
    [13, 'INTERNAL'],
    [14, 'UNAVAILABLE'],
  ])('with %i opens again, and the loop goes on', async (code, status) => {
    const { session, subscription, next } = await open();
    const changes: unknown[] = [];
    const stop = subscription.onStateChange(({ state, error }) =>
      changes.push([state, error?.status]),
    );
    await session.send(deliver(1, 1, ['unread']));
    await session.send(errorFrame(1, code, 'KEY_DISABLED'));
    expect(subscription.state).toBe('waiting');
    expect(await session.frames()).toMatchObject([modacks(2, 0, 'unread')]);
    await session.pass(100);
    expect(await session.frames()).toMatchObject([{ id: 3, subscribe: { subscription: source } }]);
    await session.send(subscribed(3), deliver(3, 1, ['later']));
    expect((await next()).text()).toBe('later');
    expect(changes).toEqual([
      ['waiting', status],
      ['open', undefined],
    ]);
    stop();
    await session.send(errorFrame(3, code, 'KEY_DISABLED'));
    expect(changes).toHaveLength(2);
  });

  test.each(['SUBSCRIPTION_IS_PUSHED', 'SUITE_UNAVAILABLE', 'KEY_OF_A_LATER_SERVER'])(
    'with the failed precondition %s, which no waiting cures, ends the loop',
    async (reason) => {
      const { session, subscription, next } = await open();
      await session.send(errorFrame(1, 9, reason));
      expect(subscription.state).toBe('closed');
      await expect(next()).rejects.toMatchObject({ status: 'FAILED_PRECONDITION', reason });
      await session.pass(60_000);
      expect(await session.frames()).toEqual([]);
    },
  );

  test('at once each time waits longer each time', async () => {
    const { session } = await open();
    let id = 1;
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      const fromMs = session.clock.monotonicMs();
      await session.send(errorFrame(id, 9, 'KEY_DISABLED'));
      let frame: Frame | undefined;
      while (frame === undefined) {
        await session.pass(20);
        [frame] = await session.frames();
      }
      waits.push(session.clock.monotonicMs() - fromMs);
      id = frame.id ?? 0;
      await session.send(subscribed(id));
    }
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(waits.at(-1)).toBeGreaterThan(4_900);
    expect(waits.at(-1)).toBeLessThan(5_200);
  });

  test.each([
    [3, 'INVALID_ARGUMENT'],
    [5, 'NOT_FOUND'],
    [7, 'PERMISSION_DENIED'],
    [12, 'UNIMPLEMENTED'],
  ])('with %i ends the loop with the error', async (code, status) => {
    const { session, subscription, next } = await open();
    await session.send(deliver(1, 1, ['a']));
    const held = await next();
    const waiting = expect(next()).rejects.toMatchObject({ status, reason: 'WHY' });
    await session.send(errorFrame(1, code, 'WHY'));
    await waiting;
    await expect(next()).rejects.toMatchObject({ status, reason: 'WHY' });
    expect(subscription.state).toBe('closed');
    void held.ack();
    expect(await session.frames()).toEqual([acks(2, 'a')]);
  });

  test('before it was open does the same', async () => {
    const session = new ScriptedSession();
    const subscription = session.client.subscribe(source);
    const next = subscription[Symbol.asyncIterator]().next();
    await session.frames();
    await session.send(errorFrame(1, 9, 'KEY_DISABLED'));
    expect(subscription.state).toBe('waiting');
    await session.pass(100);
    expect(await session.frames()).toMatchObject([{ id: 2, subscribe: {} }]);
    await session.send(errorFrame(2, 5, 'RESOURCE_NOT_FOUND'));
    await expect(next).rejects.toMatchObject({ status: 'NOT_FOUND' });
  });

  test('unknown to a session that was resumed is opened again', async () => {
    const { session, subscription } = await open();
    await session.reconnect({ sessionId: 's1', resumed: true });
    await session.send(errorFrame(1, 5, 'STREAM_NOT_FOUND'));
    expect(subscription.state).toBe('waiting');
    await session.pass(100);
    expect(await session.frames()).toMatchObject([{ id: 2, subscribe: {} }]);
  });
});

describe('a session that is lost', () => {
  test('gives back what was not read, and settles under the new stream', async () => {
    const { session, subscription, next } = await open();
    await session.send(deliver(1, 1, ['read', 'acked', 'unread']));
    const read = await next();
    const acked = (await next()).ack();
    await session.frames();
    await session.reconnect({ sessionId: 's2', resumed: false });
    expect(subscription.state).toBe('waiting');
    expect(await session.frames()).toMatchObject([{ id: 1, subscribe: {} }]);
    await session.send(subscribed(1));
    expect(await session.frames()).toEqual([acks(3, 'acked'), modacks(4, 0, 'unread')]);
    await session.send(settled(3, 'DONE'), settled(4, 'DONE'), deliver(1, 1, ['unread2']));
    expect(await acked).toBe('done');
    expect((await next()).text()).toBe('unread2');
    void read.ack();
    expect(await session.frames()).toEqual([acks(5, 'read')]);
  });

  test('does not take what an ephemeral subscription had delivered', async () => {
    const { session, next } = await open({ maxOutstandingMessages: 3 }, topic);
    await session.send(deliver(1, 1, ['a', 'b', 'c']));
    await session.reconnect({ sessionId: 's2', resumed: false });
    expect(await session.frames()).toMatchObject([{ id: 1, subscribe: { topic } }]);
    await session.send(subscribed(1), deliver(1, 1, ['d', 'e', 'f']));
    await session.reconnect({ sessionId: 's3', resumed: false });
    await session.send(subscribed(1), deliver(1, 1, ['g']));
    const texts: string[] = [];
    for (let n = 0; n < 4; n++) texts.push((await next()).text());
    expect(texts).toEqual(['d', 'e', 'f', 'g']);
  });
});

describe('leaving the loop', () => {
  test('closes the stream, gives back what was not read, and lets the rest be settled', async () => {
    const { session, subscription } = await open();
    await session.send(deliver(1, 1, ['a', 'b', 'c']));
    const held: Message[] = [];
    const loop = (async () => {
      for await (const message of subscription) {
        held.push(message);
        if (held.length === 2) {
          void message.ack();
          break;
        }
      }
    })();
    expect(await session.frames()).toEqual([
      acks(2, 'b'),
      modacks(3, 0, 'c'),
      { id: 4, unsubscribe: { stream: 1 } },
    ]);
    await session.send(settled(2, 'DONE'), settled(3, 'DONE'), deliver(1, 2, ['late']));
    expect(await session.frames()).toEqual([modacks(5, 0, 'late')]);
    await session.send({ id: 4, unsubscribed: {} }, settled(5, 'DONE'));
    await loop;
    expect(subscription.state).toBe('closed');
    await session.pass(6_000);
    const [extension] = await session.frames();
    expect(extension).toEqual(modacks(6, 10, 'a'));
    await session.send(settled(6, 'DONE'));
    const result = held[0]?.ack();
    expect(await session.frames()).toEqual([acks(7, 'a')]);
    await session.send(settled(7, 'DONE'));
    expect(await result).toBe('done');
  });

  test('without connection is waited for no longer than five seconds', async () => {
    const { session, subscription } = await open();
    session.network.isRefusing = true;
    session.network.cut();
    const closed = subscription.close();
    await session.pass(5_100);
    await closed;
    expect(await subscription[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
  });

  test('before it was open leaves nothing that is sent again', async () => {
    const session = new ScriptedSession();
    const subscription = session.client.subscribe(source);
    await session.frames();
    void subscription.close();
    expect(await session.frames()).toEqual([{ id: 2, unsubscribe: { stream: 1 } }]);
    await session.send({ id: 2, unsubscribed: {} });
    await session.reconnect({ sessionId: 's1', resumed: true });
    expect(await session.frames()).toEqual([]);
  });

  test('comes with a signal', async () => {
    const controller = new AbortController();
    const { session, next } = await open({ signal: controller.signal });
    const waiting = next();
    controller.abort();
    expect(await waiting).toBeUndefined();
    expect(await session.frames()).toMatchObject([{ unsubscribe: { stream: 1 } }]);
  });
});

test('closing the client gives back what is held, and ends the loop', async () => {
  const { session, next } = await open();
  await session.send(deliver(1, 1, ['held', 'unread']));
  const held = await next();
  const waiting = session.client.close();
  const frames = await session.frames();
  expect(frames).toContainEqual(modacks(2, 0, 'unread'));
  expect(frames).toContainEqual({ id: 3, unsubscribe: { stream: 1 } });
  await session.send(settled(2, 'DONE'), { id: 3, unsubscribed: {} });
  expect(await session.frames()).toEqual([modacks(4, 0, 'held')]);
  await session.send(settled(4, 'DONE'));
  await waiting;
  await session.pass();
  expect(session.clock.pendingCount).toBe(0);
  expect(await next()).toBeUndefined();
  await expect(held.ack()).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
});

test('an ack after the client was closed is answered, whatever went before', async () => {
  const { session, next } = await open();
  await session.send(deliver(1, 1, ['a', 'b']));
  const [first, second] = [await next(), await next()];
  const refused = first.ack();
  await session.frames();
  await session.send(errorFrame(2, 14, 'LATER'));
  void session.client.close({ timeoutMs: 0 });
  await session.pass();
  const late = second.ack().catch((error: unknown) => error);
  await session.pass(60_000);
  await expect(refused).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
  expect(await Promise.race([late, session.pass(1).then(() => 'nothing')])).toMatchObject({
    reason: 'CLIENT_CLOSED',
  });
});

test('closing the client waits for the last ack of a subscription that is closed already', async () => {
  const { session, subscription, next } = await open();
  await session.send(deliver(1, 1, ['a']));
  const held = await next();
  const over = subscription.close();
  await session.frames();
  await session.send({ id: 2, unsubscribed: {} });
  await over;
  const ack = held.ack();
  const closed = session.client.close();
  expect(await session.frames()).toEqual([acks(3, 'a')]);
  await session.send(settled(3, 'DONE'));
  expect(await ack).toBe('done');
  await closed;
});
