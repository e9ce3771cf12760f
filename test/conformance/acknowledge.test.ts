import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('Acknowledge over %s', (wire) => {
  const api = liveApi(live, wire);

  test('"The Pub/Sub system can remove the relevant messages from the subscription"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a', 'b', 'c');
    const pulled = await api.pull(subscription, 3);
    const done = pulled.filter((each) => textOf(each) !== 'b');
    const ackIds = done.map(({ ackId }) => ackId);
    expect(await api.call('Acknowledge', { subscription, ackIds })).toEqual({});
    await live.pass(11_000);
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['b']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('an answered ack is remembered over a restart', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a', 'b');
    const pulled = await api.pull(subscription, 2);
    const done = pulled.filter((each) => textOf(each) === 'a');
    await api.acknowledge(subscription, done);
    await live.restart();
    expect((await api.pull(subscription, 1)).map(textOf)).toEqual(['b']);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('an ack id from before a restart still acknowledges', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a');
    const pulled = await api.pull(subscription, 1);
    await live.restart();
    await api.acknowledge(subscription, pulled);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"Acknowledging a message more than once will not result in an error"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'a');
    const pulled = await api.pull(subscription, 1);
    await api.acknowledge(subscription, [...pulled, ...pulled]);
    await api.acknowledge(subscription, pulled);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"Acknowledging a message whose ack deadline has expired may succeed": it does while the message waits', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'late');
    const pulled = await api.pull(subscription, 1);
    await live.pass(11_000);
    await api.acknowledge(subscription, pulled);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('"but such a message may be redelivered later": a late ack of the first delivery is no error while the second is out', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'twice');
    const first = await api.pull(subscription, 1);
    await live.pass(11_000);
    const second = await api.pull(subscription, 1);
    await api.acknowledge(subscription, first);
    await api.acknowledge(subscription, second);
    await live.pass(11_000);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('exactly once: ids whose deadline has passed are named, the others of the request are acknowledged', async () => {
    const topic = await api.topic();
    const more = { enableExactlyOnceDelivery: true, ackDeadlineSeconds: 10 };
    const subscription = await api.subscription(topic, more);
    await api.publish(topic, 'late');
    const [late] = await api.pull(subscription, 1);
    await live.pass(11_000);
    const [again] = await api.pull(subscription, 1);
    await api.publish(topic, 'good');
    const [good] = await api.pull(subscription, 1);
    const ackIds = [late!.ackId, good!.ackId];
    const refusal = await api.detailed('Acknowledge', { subscription, ackIds });
    expect(refusal).toEqual({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Some acknowledgement ids in the request were invalid\. /),
      details: [
        {
          reason: 'EXACTLY_ONCE_ACKID_FAILURE',
          domain: 'pubsub.googleapis.com',
          metadata: { [late!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
        },
      ],
    });
    // "An acknowledged message will not be resent to a subscriber."
    await live.pass(11_000);
    const [left] = await api.pull(subscription, 1);
    expect(left!.message.messageId).toBe(again!.message.messageId);
    await api.acknowledge(subscription, [left!]);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('exactly once: the same ack again is answered as the first was, over a restart too', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { enableExactlyOnceDelivery: true });
    await api.publish(topic, 'once');
    const pulled = await api.pull(subscription, 1);
    await api.acknowledge(subscription, pulled);
    await api.acknowledge(subscription, pulled);
    await live.restart();
    await api.acknowledge(subscription, pulled);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('exactly once in order: an ack before an earlier one of its key may be sent again', async () => {
    const topic = await api.topic();
    const more = { enableExactlyOnceDelivery: true, enableMessageOrdering: true };
    const subscription = await api.subscription(topic, more);
    const messages = ['1', '2'].map((data) => ({ data: btoa(data), orderingKey: 'k' }));
    await api.call('Publish', { topic, messages });
    const [first, second] = await api.pull(subscription, 2);
    const early = { subscription, ackIds: [second!.ackId] };
    expect(await api.detailed('Acknowledge', early)).toMatchObject({
      details: [{ metadata: { [second!.ackId]: 'TRANSIENT_FAILURE_UNORDERED_ACK_ID' } }],
    });
    await api.acknowledge(subscription, [first!]);
    await api.acknowledge(subscription, [second!]);
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('no ack id: "Must not be empty"', async () => {
    const subscription = await api.subscription(await api.topic());
    expect(await api.refusal('Acknowledge', { subscription, ackIds: [] })).toEqual(
      invalid('You have not specified an ack ID in the request.'),
    );
  });

  test.each(['x', 'not an id', 'A'.repeat(48), '-'.repeat(164)])(
    'the malformed ack id %j is refused, and names itself',
    async (ackId) => {
      const subscription = await api.subscription(await api.topic());
      expect(await api.refusal('Acknowledge', { subscription, ackIds: [ackId] })).toEqual(
        invalid(`You have passed an invalid ack ID to the service (ack_id=${ackId}).`),
      );
    },
  );

  test('one malformed id refuses the request', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'kept');
    const [pulled] = await api.pull(subscription, 1);
    const ackIds = [pulled!.ackId, 'malformed'];
    expect((await api.refusal('Acknowledge', { subscription, ackIds })).code).toBe(
      'INVALID_ARGUMENT',
    );
  });

  test('an id whose every single character is changed is refused', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'kept');
    const ackId = (await api.pull(subscription, 1))[0]!.ackId;
    for (let at = 0; at < ackId.length; at++) {
      const changed = `${ackId.slice(0, at)}${ackId[at] === 'A' ? 'B' : 'A'}${ackId.slice(at + 1)}`;
      expect((await api.refusal('Acknowledge', { subscription, ackIds: [changed] })).code).toBe(
        'INVALID_ARGUMENT',
      );
    }
    await live.pass(11_000);
    expect(await api.pull(subscription, 1)).toHaveLength(1);
  });

  test("another subscription's ack id is refused and acknowledges nothing", async () => {
    const topic = await api.topic();
    const [one, two] = [await api.subscription(topic), await api.subscription(topic)];
    await api.publish(topic, 'x');
    const [pulled] = await api.pull(one, 1);
    const request = { subscription: two, ackIds: [pulled!.ackId] };
    expect(await api.refusal('Acknowledge', request)).toEqual(
      invalid(`You have passed an invalid ack ID to the service (ack_id=${pulled!.ackId}).`),
    );
    expect(await api.pull(two, 1)).toHaveLength(1);
  });

  test('3,000 ids in one request, the batch of the Node client, are taken', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const texts = Array.from({ length: 1000 }, () => 'x');
    for (let n = 0; n < 3; n++) await api.publish(topic, ...texts);
    await api.acknowledge(subscription, await api.pull(subscription, 3000));
    expect(await api.pullOnce(subscription)).toEqual([]);
  });

  test('a request above 512 KiB is refused', async () => {
    const subscription = await api.subscription(await api.topic());
    const ackIds = Array.from({ length: 4000 }, () => 'A'.repeat(164));
    const { code, message } = await api.refusal('Acknowledge', { subscription, ackIds });
    expect(code).toBe('INVALID_ARGUMENT');
    expect(message).toContain('but the maximum value is 524288.');
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const request = { subscription: api.subscriptionName(id), ackIds: ['x'] };
    expect(await api.refusal('Acknowledge', request)).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('Acknowledge', { subscription, ackIds: ['x'] })).toEqual(
      invalidName(subscription),
    );
  });
});
