import { describe, expect, test } from 'vitest';

import { freshId, liveApi, liveGrpc, textOf } from '../support/live-api.ts';
import { PushEndpoint } from '../support/push-endpoint.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badIds, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();

describe.each(wireNames)('DetachSubscription over %s', (wire) => {
  const api = liveApi(live, wire);
  const detached = async (topic: string): Promise<string> => {
    const subscription = await api.subscription(topic);
    expect(await api.call('DetachSubscription', { subscription })).toEqual({});
    return subscription;
  };

  test('"Indicates whether the subscription is detached from its topic", also after a restart', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic, { labels: { a: 'b' } });
    const before = await api.call('GetSubscription', { subscription });
    await api.call('DetachSubscription', { subscription });
    const after = await api.call('GetSubscription', { subscription });
    expect(after).toEqual({ ...before, detached: true });
    await live.restart();
    expect(await api.call('GetSubscription', { subscription })).toEqual(after);
  });

  test('"All messages retained in the subscription are dropped", and none come any more', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    await api.publish(topic, 'before');
    const [outstanding] = await api.pull(subscription, 1);
    await api.publish(topic, 'before');
    await api.call('DetachSubscription', { subscription });
    await api.publish(topic, 'after');
    const pull = { subscription, maxMessages: 1, returnImmediately: true };
    expect(await api.refusal('Pull', pull)).toMatchObject({ code: 'FAILED_PRECONDITION' });
    // What it had is not of it any more; without exactly-once delivery that is no error.
    const ack = { subscription, ackIds: [outstanding!.ackId] };
    expect(await api.call('Acknowledge', ack)).toEqual({});
  });

  test('a Pull that waits ends with FAILED_PRECONDITION', async () => {
    const subscription = await api.subscription(await api.topic());
    const waiting = api.refusal('Pull', { subscription, maxMessages: 1 });
    for (let turn = 0; turn < 5; turn++) await api.pullOnce(subscription);
    await api.call('DetachSubscription', { subscription });
    expect(await waiting).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  test('it "Lists the names of the attached subscriptions on this topic" no more, and is still there', async () => {
    const topic = await api.topic();
    const kept = await api.subscription(topic);
    const subscription = await detached(topic);
    expect(await api.call('ListTopicSubscriptions', { topic })).toEqual({ subscriptions: [kept] });
    expect(await api.call('GetSubscription', { subscription })).toMatchObject({ detached: true });
    await api.publish(topic, 'x');
    expect((await api.pull(kept, 1)).map(textOf)).toEqual(['x']);
    expect(await api.call('DeleteSubscription', { subscription })).toEqual({});
  });

  test('it can be detached twice, updated and deleted', async () => {
    const subscription = await detached(await api.topic());
    expect(await api.call('DetachSubscription', { subscription })).toEqual({});
    const update = {
      subscription: { name: subscription, labels: { a: 'b' } },
      updateMask: 'labels',
    };
    expect(await api.call('UpdateSubscription', update)).toMatchObject({
      labels: { a: 'b' },
      detached: true,
    });
    expect(await api.call('DeleteSubscription', { subscription })).toEqual({});
  });

  test('there is no way back: neither a seek nor a snapshot', async () => {
    const topic = await api.topic();
    const snapshot = await api.snapshot(await api.subscription(topic));
    const subscription = await detached(topic);
    const time = '2001-01-01T00:00:00Z';
    for (const target of [{ time }, { snapshot }]) {
      expect(await api.refusal('Seek', { subscription, ...target })).toMatchObject({
        code: 'FAILED_PRECONDITION',
      });
    }
    const name = api.snapshotName(freshId('none'));
    expect(await api.refusal('CreateSnapshot', { name, subscription })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
  });

  test('"If the subscription is a push subscription, pushes to the endpoint will stop"', async () => {
    const endpoint = new PushEndpoint();
    await endpoint.start();
    const topic = await api.topic();
    const pushConfig = { pushEndpoint: endpoint.url };
    const subscription = await api.subscription(topic, { pushConfig });
    const witness = await api.subscription(topic, {
      pushConfig: { pushEndpoint: `${endpoint.url}/witness` },
    });
    await api.publish(topic, 'one');
    await endpoint.untilCount(2);
    await api.call('DetachSubscription', { subscription });
    await api.publish(topic, 'two');
    await api.publish(topic, 'three');
    await endpoint.untilCount(4);
    const paths = endpoint.requests.slice(2).map(({ path }) => path);
    expect(paths).toEqual(['/push/witness', '/push/witness']);
    await api.call('DeleteSubscription', { subscription: witness });
    await endpoint.stop();
  });

  test('a missing subscription is NOT_FOUND', async () => {
    const id = freshId('missing');
    const request = { subscription: api.subscriptionName(id) };
    expect(await api.refusal('DetachSubscription', request)).toEqual(notFound(id));
  });

  test.each(badIds)('the id %s is refused', async (id) => {
    const subscription = api.subscriptionName(id);
    expect(await api.refusal('DetachSubscription', { subscription })).toEqual(
      invalidName(subscription),
    );
  });
});

test('"Subsequent StreamingPull requests will return FAILED_PRECONDITION", and an open one ends with it', async () => {
  const api = liveApi(live, 'gRPC', 'detached-streams');
  const grpc = liveGrpc(live);
  const subscription = await api.subscription(await api.topic());
  const open = { subscription, streamAckDeadlineSeconds: 10 };
  const stream = grpc.stream(open);
  await stream.until(({ responses }) => responses.length > 0);
  await api.call('DetachSubscription', { subscription });
  expect(await stream.ended).toMatchObject({ code: 'FAILED_PRECONDITION' });
  expect(await grpc.stream(open).ended).toMatchObject({ code: 'FAILED_PRECONDITION' });
});
