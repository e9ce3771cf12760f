import { describe, expect, test } from 'vitest';

import { freshId, liveApi } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badArgument, invalid, invalidName, notFound } from './expected-refusals.ts';

const live = useTestedServer();
const prefix = 'Invalid update_mask provided in the UpdateSnapshotRequest:';
const hourMs = 3_600_000;

describe.each(wireNames)('UpdateSnapshot over %s', (wire) => {
  const api = liveApi(live, wire);
  const made = async (): Promise<string> =>
    await api.snapshot(await api.subscription(await api.topic()), { labels: { a: '1' } });

  test('"by updating the fields specified in the update mask", and nothing else, over a restart', async () => {
    const name = await made();
    const before = await api.call('GetSnapshot', { snapshot: name });
    const snapshot = { name, labels: { b: '2' }, expireTime: '2001-01-01T00:00:00Z' };
    const expected = { ...before, labels: { b: '2' } };
    expect(await api.call('UpdateSnapshot', { snapshot, updateMask: 'labels' })).toEqual(expected);
    await live.restart();
    expect(await api.call('GetSnapshot', { snapshot: name })).toEqual(expected);
  });

  test('labels that the mask names and the snapshot lacks are cleared', async () => {
    const name = await made();
    const update = { snapshot: { name }, updateMask: 'labels' };
    expect(await api.call('UpdateSnapshot', update)).not.toHaveProperty('labels');
  });

  test.each(['expireTime', 'expire_time'])(
    'the time of its end may come earlier: %s',
    async (updateMask) => {
      const name = await made();
      const expireTime = new Date(Math.trunc(live.clock.wallMs() + 2 * hourMs)).toISOString();
      const update = { snapshot: { name, expireTime }, updateMask };
      const updated = await api.call<{ expireTime: string }>('UpdateSnapshot', update);
      expect(Date.parse(updated.expireTime)).toBe(Date.parse(expireTime));
      expect(updated).toMatchObject({ labels: { a: '1' } });
      await live.pass(2.1 * hourMs);
      const { code } = await api.untilRefused('GetSnapshot', { snapshot: name });
      expect(code).toBe('NOT_FOUND');
    },
  );

  test('"A newly-created snapshot expires no later than 7 days from the time of its creation", nor is its end put off or into the past', async () => {
    const name = await made();
    const { expireTime } = await api.call<{ expireTime: string }>('GetSnapshot', {
      snapshot: name,
    });
    const later = new Date(Date.parse(expireTime) + 1000).toISOString();
    for (const end of [later, '2001-01-01T00:00:00Z']) {
      const update = { snapshot: { name, expireTime: end }, updateMask: 'expireTime' };
      expect((await api.refusal('UpdateSnapshot', update)).code).toBe('INVALID_ARGUMENT');
    }
    expect(await api.call('GetSnapshot', { snapshot: name })).toMatchObject({ expireTime });
  });

  test('an end that is none is refused', async () => {
    const update = { snapshot: { name: await made() }, updateMask: 'expireTime' };
    expect(await api.refusal('UpdateSnapshot', update)).toEqual(
      badArgument('expire_time must be set'),
    );
  });

  test.each([[{}], [{ updateMask: '' }]])('the mask must be non-empty: %j', async (mask) => {
    const snapshot = { name: await made() };
    expect(await api.refusal('UpdateSnapshot', { snapshot, ...mask })).toEqual(
      invalid(
        'The update_mask in the UpdateSnapshotRequest must be set, and must contain a non-empty paths list.',
      ),
    );
  });

  test.each(['name', 'topic'])('%s is not mutable', async (field) => {
    const snapshot = { name: await made() };
    expect(await api.refusal('UpdateSnapshot', { snapshot, updateMask: field })).toEqual(
      invalid(`${prefix} the '${field}' field in the Snapshot is not mutable.`),
    );
  });

  test.each(['nope', 'labels.a', 'expireTime.seconds'])('%s is no field', async (updateMask) => {
    const snapshot = { name: await made() };
    const { code, message } = await api.refusal('UpdateSnapshot', { snapshot, updateMask });
    expect(code).toBe('INVALID_ARGUMENT');
    expect(message).toMatch(/ is not a known Snapshot field\. Note that field paths must be /);
  });

  test('a missing snapshot is NOT_FOUND, a bad name is refused', async () => {
    const id = freshId('missing');
    const update = (name: string): object => ({ snapshot: { name }, updateMask: 'labels' });
    expect(await api.refusal('UpdateSnapshot', { ...update(api.snapshotName(id)) })).toEqual(
      notFound(id),
    );
    const bad = api.snapshotName('ab');
    expect(await api.refusal('UpdateSnapshot', { ...update(bad) })).toEqual(invalidName(bad));
  });
});
