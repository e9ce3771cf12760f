import { describe, expect, test } from 'vitest';

import { freshId, liveApi, textOf } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import {
  alreadyExists,
  badArgument,
  badIds,
  goodIds,
  invalidName,
  notFound,
} from './expected-refusals.ts';

const live = useTestedServer();
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A slow machine takes its time between a call and the look at the clock. */
const slackMs = 60_000;

interface Snapshot {
  readonly name: string;
  readonly topic: string;
  readonly expireTime: string;
}

describe.each(wireNames)('CreateSnapshot over %s', (wire) => {
  const api = liveApi(live, wire);
  const fresh = (): string => api.snapshotName(freshId('snapshot'));
  /** Milliseconds that a new snapshot will live. */
  const lifeOf = async (subscription: string): Promise<number> => {
    const request = { name: fresh(), subscription };
    const { expireTime } = await api.call<Snapshot>('CreateSnapshot', request);
    return Date.parse(expireTime) - live.clock.wallMs();
  };

  test('it is of the subscription’s topic, and comes back with its labels', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    const request = { name: fresh(), subscription, labels: { a: 'b' } };
    const created = await api.call('CreateSnapshot', request);
    const { name, labels } = request;
    expect(created).toEqual({
      name,
      topic,
      labels,
      expireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/),
    });
    expect(await api.call('GetSnapshot', { snapshot: name })).toEqual(created);
  });

  test('"the lifetime of the snapshot is 7 days - (age of oldest unacked message in the subscription)"', async () => {
    const topic = await api.topic();
    const subscription = await api.subscription(topic);
    expect(Math.abs((await lifeOf(subscription)) - 7 * dayMs)).toBeLessThan(slackMs);
    await api.publish(topic, 'old');
    await live.pass(3 * dayMs);
    await api.publish(topic, 'young');
    expect(Math.abs((await lifeOf(subscription)) - 4 * dayMs)).toBeLessThan(slackMs);
    await api.acknowledge(subscription, await api.pull(subscription, 2));
    expect(Math.abs((await lifeOf(subscription)) - 7 * dayMs)).toBeLessThan(slackMs);
  });

  test('"if the resulting snapshot would expire in less than 1 hour, FAILED_PRECONDITION is returned"', async () => {
    const topic = await api.topic();
    const more = { messageRetentionDuration: `${(8 * dayMs) / 1000}s` };
    const subscription = await api.subscription(topic, more);
    await api.publish(topic, 'old');
    await live.pass(7 * dayMs - 2 * hourMs);
    expect(Math.abs((await lifeOf(subscription)) - 2 * hourMs)).toBeLessThan(slackMs);
    await live.pass(hourMs + 60_000);
    const name = fresh();
    expect(await api.refusal('CreateSnapshot', { name, subscription })).toMatchObject({
      code: 'FAILED_PRECONDITION',
    });
    expect((await api.refusal('GetSnapshot', { snapshot: name })).code).toBe('NOT_FOUND');
  });

  test('"If the snapshot already exists, returns ALREADY_EXISTS"', async () => {
    const subscription = await api.subscription(await api.topic());
    const name = await api.snapshot(subscription);
    expect(await api.refusal('CreateSnapshot', { name, subscription })).toEqual(
      alreadyExists(name.split('/').at(-1)!),
    );
  });

  test('"If the requested subscription doesn\'t exist, returns NOT_FOUND"', async () => {
    const id = freshId('missing');
    const request = { name: fresh(), subscription: api.subscriptionName(id) };
    expect(await api.refusal('CreateSnapshot', request)).toEqual(notFound(id));
  });

  test.each(['', 'nonsense'])('%j is no subscription', async (subscription) => {
    expect(await api.refusal('CreateSnapshot', { name: fresh(), subscription })).toEqual(
      invalidName(subscription),
    );
  });

  test.each(goodIds)('the id %s is one, and is found under exactly that name', async (id) => {
    const subscription = await api.subscription(await api.topic());
    const name = api.snapshotName(id);
    expect(await api.call('CreateSnapshot', { name, subscription })).toMatchObject({ name });
    expect(await api.call('GetSnapshot', { snapshot: name })).toMatchObject({ name });
    expect(await api.call('DeleteSnapshot', { snapshot: name })).toEqual({});
  });

  test.each(badIds)('the id %s is none', async (id) => {
    const subscription = await api.subscription(await api.topic());
    const name = api.snapshotName(id);
    expect(await api.refusal('CreateSnapshot', { name, subscription })).toEqual(invalidName(name));
  });

  test('labels and tags are checked as everywhere, and tags are never shown', async () => {
    const subscription = await api.subscription(await api.topic());
    const base = { name: fresh(), subscription };
    const bad = { ...base, labels: { Upper: '' } };
    expect((await api.refusal('CreateSnapshot', bad)).message).toContain('Invalid labels');
    expect(await api.refusal('CreateSnapshot', { ...base, tags: { a: 'b' } })).toEqual(
      badArgument('tags: "a" is no tag key'),
    );
    const tags = { '123/environment': 'production' };
    expect(await api.call('CreateSnapshot', { ...base, tags })).not.toHaveProperty('tags');
  });

  test('"The existing backlog on the subscription" is retained though the subscription is deleted', async () => {
    const topic = await api.topic();
    const source = await api.subscription(topic);
    await api.publish(topic, 'kept');
    const snapshot = await api.snapshot(source);
    await api.acknowledge(source, await api.pull(source, 1));
    await api.call('DeleteSubscription', { subscription: source });
    const other = await api.subscription(topic);
    expect(await api.call('Seek', { subscription: other, snapshot })).toEqual({});
    expect((await api.pull(other, 1)).map(textOf)).toEqual(['kept']);
  });
});

test('"If the name is not provided in the request, the server will assign a random name for this snapshot on the same project as the subscription" (gRPC only)', async () => {
  const api = liveApi(live, 'gRPC', 'nameless');
  const subscription = await api.subscription(await api.topic());
  const { name } = await api.call<Snapshot>('CreateSnapshot', { subscription });
  expect(name.startsWith(`${api.project}/snapshots/`)).toBe(true);
  expect(await api.call('GetSnapshot', { snapshot: name })).toMatchObject({ name });
});
