import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const farPast = '2001-01-01T00:00:00Z';
const farFuture = '3000-01-01T00:00:00Z';

describe.each(wireNames)('Seek over %s', (wire) => {
  const api = liveApi(live, wire);
  const retaining = { retainAckedMessages: true };
  const seek = async (subscription: string, target: Record<string, string>): Promise<void> => {
    expect(await api.call('Seek', { subscription, ...target })).toEqual({});
  };
  const texts = async (subscription: string, count: number): Promise<string[]> =>
    (await api.pull(subscription, count)).map(textOf).toSorted();
  /** Publishes each and lets a second pass; the publish times. */
  const publishApart = async (topic: string, ...each: string[]): Promise<string[]> => {
    const watch = await api.subscription(topic);
    const times: string[] = [];
    for (const text of each) {
      await api.publish(topic, text);
      const pulled = await api.pull(watch, 1);
      times.push(pulled[0]!.message.publishTime);
      await api.acknowledge(watch, pulled);
      await live.pass(1_000);
    }
    await api.call('DeleteSubscription', { subscription: watch });
    return times;
  };

  test('"Messages retained in the subscription that were published before this time are marked as acknowledged, and messages published after this time are marked as unacknowledged"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, retaining);
    const times = await publishApart(topic, 'a', 'b', 'c');
    await api.acknowledge(subscription, await api.pull(subscription, 3));
    await seek(subscription, { time: times[1]! });
    expect(await texts(subscription, 2)).toEqual(['b', 'c']);
    expect(await api.pullOnce(subscription)).toEqual([]);
    await seek(subscription, { time: times[2]! });
    expect(await texts(subscription, 1)).toEqual(['c']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a message whose publish time is the time comes again, one of a nanosecond before does not', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, retaining);
    const [time] = await publishApart(topic, 'equal');
    await api.acknowledge(subscription, await api.pull(subscription, 1));
    await seek(subscription, { time: time! });
    const pulled = await api.pull(subscription, 1);
    expect(pulled.map(textOf)).toEqual(['equal']);
    await api.acknowledge(subscription, pulled);
    const later = time!.replace(/(?:\.(\d+))?Z$/, (_, digits: string = '') => {
      return `.${digits.padEnd(8, '0')}1Z`;
    });
    await seek(subscription, { time: later });
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"if time corresponds to a point before the message retention window, only retained messages will be marked as unacknowledged"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, {
      ...retaining,
      messageRetentionDuration: '600s',
    });
    await api.publish(topic, 'expunged');
    await live.pass(700_000);
    await api.publish(topic, 'retained');
    await api.acknowledge(subscription, await api.pull(subscription, 1));
    await seek(subscription, { time: farPast });
    expect(await texts(subscription, 1)).toEqual(['retained']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('what was acknowledged and not retained does not come back', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'gone');
    await api.acknowledge(subscription, await api.pull(subscription, 1));
    await api.publish(topic, 'waiting');
    await seek(subscription, { time: farPast });
    expect(await texts(subscription, 1)).toEqual(['waiting']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"it allows any attached subscription to seek to a timestamp that is up to message_retention_duration in the past"', async () => {
    const topic = await api.topic({ messageRetentionDuration: '3600s' });
    const subscription = await api.subscription(topic);
    const times = await publishApart(topic, 'a', 'b');
    await api.acknowledge(subscription, await api.pull(subscription, 2));
    await seek(subscription, { time: times[1]! });
    expect(await texts(subscription, 1)).toEqual(['b']);
    await seek(subscription, { time: farPast });
    expect(await texts(subscription, 2)).toEqual(['a', 'b']);
  });

  test('a time in the future empties the backlog once: what is published after the seek is delivered', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'purged', 'purged');
    await api.pull(subscription, 1);
    await seek(subscription, { time: farFuture });
    expect(await api.pullOnce(subscription)).toEqual([]);
    await api.publish(topic, 'after');
    const pulled = await api.pull(subscription, 1);
    expect(pulled.map(textOf)).toEqual(['after']);
    await api.acknowledge(subscription, pulled);
    await live.pass(20_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('what is outstanding comes again at once, and its former ack id acknowledges nothing', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
    await api.publish(topic, 'x');
    const former = await api.pull(subscription, 1);
    await seek(subscription, { time: former[0]!.message.publishTime });
    const anew = await api.pull(subscription, 1);
    expect(anew[0]!.ackId).not.toBe(former[0]!.ackId);
    await api.acknowledge(subscription, former);
    const nack = { subscription, ackIds: [anew[0]!.ackId], ackDeadlineSeconds: 0 };
    await api.call('ModifyAckDeadline', nack);
    expect(await texts(subscription, 1)).toEqual(['x']);
  });

  test('a former ack id does not take back what the seek brought, though it comes before the message is delivered again', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, retaining);
    await api.publish(topic, 'x');
    const former = await api.pull(subscription, 1);
    await seek(subscription, { time: former[0]!.message.publishTime });
    await api.acknowledge(subscription, former);
    expect(await texts(subscription, 1)).toEqual(['x']);
  });

  test('to a snapshot: its backlog and all that was published after it, and nothing that was acknowledged before', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'acknowledged');
    await api.acknowledge(subscription, await api.pull(subscription, 1));
    await api.publish(topic, 'backlog');
    const snapshot = await api.snapshot(subscription);
    await api.publish(topic, 'later');
    await api.acknowledge(subscription, await api.pull(subscription, 2));
    expect(await api.pullOnce(subscription)).toEqual([]);
    for (let turn = 0; turn < 2; turn++) {
      await seek(subscription, { snapshot });
      const pulled = await api.pull(subscription, 2);
      expect(pulled.map(textOf).toSorted()).toEqual(['backlog', 'later']);
      await api.acknowledge(subscription, pulled);
      expect(await api.pullOnce(subscription)).toEqual([]);
    }
  });

  test('a snapshot acknowledges what is waiting here and was acknowledged there', async () => {
    const topic = await api.topic();
    const [source, target] = [await api.subscription(topic), await api.subscription(topic)];
    await api.publish(topic, 'a', 'b');
    const pulled = await api.pull(source, 2);
    await api.acknowledge(
      source,
      pulled.filter((each) => textOf(each) === 'a'),
    );
    await seek(target, { snapshot: await api.snapshot(source) });
    expect(await texts(target, 1)).toEqual(['b']);
    expect(await api.pullOnce(target)).toEqual([]);
  });

  test('a seek is remembered over a restart, and so is the snapshot', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, retaining);
    const times = await publishApart(topic, 'a', 'b');
    const snapshot = await api.snapshot(subscription);
    const former = await api.pull(subscription, 2);
    await seek(subscription, { time: times[1]! });
    await live.restart();
    await api.acknowledge(subscription, former);
    expect(await texts(subscription, 1)).toEqual(['b']);
    expect(await api.pullOnce(subscription)).toEqual([]);
    await seek(subscription, { snapshot });
    expect(await texts(subscription, 2)).toEqual(['a', 'b']);
  });

  test('an ordered subscription gets what comes again in order', async () => {
    const topic = await api.topic();
    const more = { ...retaining, enableMessageOrdering: true };
    const subscription = await api.subscription(topic, more);
    const messages = ['1', '2', '3'].map((data) => ({ data: btoa(data), orderingKey: 'k' }));
    await api.call('Publish', { topic, messages });
    const inOrder = async (): Promise<string[]> => {
      const seen: string[] = [];
      while (seen.length < 3) {
        const pulled = await api.pull(subscription, 1);
        seen.push(...pulled.map(textOf));
        await api.acknowledge(subscription, pulled);
      }
      return seen;
    };
    expect(await inOrder()).toEqual(['1', '2', '3']);
    await seek(subscription, { time: farPast });
    expect(await inOrder()).toEqual(['1', '2', '3']);
  });

  test('a filter holds for what a seek brings, too', async () => {
    const topic = await api.topic();
    const more = { ...retaining, filter: 'attributes.keep = "yes"' };
    const subscription = await api.subscription(topic, more);
    const message = (data: string, keep: string): object => ({
      data: btoa(data),
      attributes: { keep },
    });
    const messages = [message('a', 'yes'), message('b', 'no'), message('c', 'yes')];
    await api.call('Publish', { topic, messages });
    await api.acknowledge(subscription, await api.pull(subscription, 2));
    await seek(subscription, { time: farPast });
    expect(await texts(subscription, 2)).toEqual(['a', 'c']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a seek without target is refused', async () => {
    const subscription = await api.subscription(await api.topic());
    expect(await api.refusal('Seek', { subscription })).toEqual(
      invalid(
        'No target was specified in the SeekRequest. Must specify either a time or a snapshot',
      ),
    );
  });

  test('"The snapshot\'s topic must be the same as that of the provided subscription"', async () => {
    const snapshot = await api.snapshot(await api.subscription(await api.topic()));
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'untouched');
    const { code } = await api.refusal('Seek', { subscription, snapshot });
    expect(['INVALID_ARGUMENT', 'FAILED_PRECONDITION']).toContain(code);
    expect(await texts(subscription, 1)).toEqual(['untouched']);
  });

  test('a missing subscription or snapshot is NOT_FOUND', async () => {
    const id = freshId('missing');
    const missing = { subscription: api.subscriptionName(id), time: farPast };
    expect(await api.refusal('Seek', missing)).toEqual(notFound(id));
    const subscription = await api.subscription(await api.topic());
    const snapshot = api.snapshotName(id);
    expect(await api.refusal('Seek', { subscription, snapshot })).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('Seek', { subscription, time: farPast })).toEqual(
      invalidName(subscription),
    );
    const snapshot = api.snapshotName(id);
    const good = api.subscriptionName('good');
    expect(await api.refusal('Seek', { subscription: good, snapshot })).toEqual(
      invalidName(snapshot),
    );
  });
});
