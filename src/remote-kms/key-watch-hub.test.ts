import { describe, expect, test } from 'vitest';

import { ScriptedKeyService } from '../../test/support/scripted-key-service.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { KeyChange, VersionDependents } from '../kms/index.ts';
import { KeyWatchHub, type ReportedUse } from './key-watch-hub.ts';
import { reportKeptMs } from './remote-limits.ts';

const version = 'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
const nothing: VersionDependents = {
  dekCount: 0,
  messageCount: 0,
  byteCount: 0,
  topics: [],
  latestExpiryMs: null,
};

const use = (topic: string): ReportedUse => ({
  name: version,
  dekCount: 1,
  messageCount: 10,
  byteCount: 100,
  topics: [topic],
});

function open(): { hub: KeyWatchHub; keys: ScriptedKeyService; clock: VirtualClock } {
  const keys = new ScriptedKeyService();
  const clock = new VirtualClock();
  return { hub: new KeyWatchHub({ keys, projectNumber: async () => '7', clock }), keys, clock };
}

describe('a watch', () => {
  test('begins with a resync and hears every change until it stops', () => {
    const { hub, keys } = open();
    const heard: KeyChange[] = [];
    const stop = hub.watch('a', (change) => heard.push(change));
    keys.announce({ kind: 'iam', resource: 'projects/p' });
    stop();
    stop();
    keys.announce({ kind: 'primary', resource: version });
    expect(heard).toEqual([
      { kind: 'resync', resource: '' },
      { kind: 'iam', resource: 'projects/p' },
    ]);
    expect(hub.watchCount).toBe(0);
  });

  test('needs a name, and there are at most a thousand', () => {
    const { hub } = open();
    expect(() => hub.watch('', () => undefined)).toThrow('watcher_id');
    expect(() => hub.watch('a b', () => undefined)).toThrow('watcher_id');
    for (let n = 0; n < 1_000; n++) hub.watch(`w${n}`, () => undefined);
    expect(() => hub.watch('one more', () => undefined)).toThrow('watcher_id');
    expect(() => hub.watch('one-more', () => undefined)).toThrow('too many watches');
  });
});

describe('the guard', () => {
  test('adds up what every watcher reported last', async () => {
    const { hub } = open();
    hub.watch('a', () => undefined);
    hub.watch('b', () => undefined);
    hub.reportUse('a', [use('projects/p/topics/old'), use('projects/p/topics/old')]);
    hub.reportUse('a', [use('projects/p/topics/1')]);
    hub.reportUse('b', [use('projects/q/topics/2')]);
    expect(await hub.dependentsOf(version)).toEqual({
      dekCount: 2,
      messageCount: 20,
      byteCount: 200,
      topics: ['projects/p/topics/1', 'projects/q/topics/2'],
      latestExpiryMs: null,
    });
    expect(await hub.dependentsOf(`${version}0`)).toEqual(nothing);
  });

  test('forgets a report ten minutes after the last watch of its reporter', async () => {
    const { hub, clock } = open();
    const first = hub.watch('a', () => undefined);
    const second = hub.watch('a', () => undefined);
    hub.reportUse('a', [use('projects/p/topics/1')]);
    first();
    expect((await hub.dependentsOf(version)).messageCount).toBe(10);
    await clock.advance(reportKeptMs);
    second();
    second();
    await clock.advance(10 * 60_000 - 1);
    expect((await hub.dependentsOf(version)).messageCount).toBe(10);
    await clock.advance(1);
    expect(await hub.dependentsOf(version)).toEqual(nothing);
    expect(clock.pendingCount).toBe(0);
  });

  test('keeps the report of one that comes back, until it says something else', async () => {
    const { hub, clock } = open();
    hub.watch('a', () => undefined)();
    hub.watch('a', () => undefined);
    hub.reportUse('a', [use('projects/p/topics/1')]);
    hub.watch('a', () => undefined)();
    const stop = hub.watch('b', () => undefined);
    hub.reportUse('b', [use('projects/p/topics/2')]);
    stop();
    await clock.advance(reportKeptMs - 1);
    const again = hub.watch('b', () => undefined);
    await clock.advance(2 * reportKeptMs);
    expect((await hub.dependentsOf(version)).topics).toContain('projects/p/topics/2');
    hub.reportUse('b', []);
    expect((await hub.dependentsOf(version)).topics).toEqual(['projects/p/topics/1']);
    again();
    expect(clock.pendingCount).toBe(0);
  });

  test('counts a broker that started anew beside what it said before, for ten minutes', async () => {
    const { hub, clock } = open();
    const stop = hub.watch('life-1', () => undefined);
    hub.reportUse('life-1', [use('projects/p/topics/1')]);
    stop();
    hub.watch('life-2', () => undefined);
    hub.reportUse('life-2', [use('projects/p/topics/1')]);
    expect((await hub.dependentsOf(version)).dekCount).toBe(2);
    await clock.advance(reportKeptMs);
    expect(await hub.dependentsOf(version)).toMatchObject({
      dekCount: 1,
      topics: ['projects/p/topics/1'],
    });
  });

  test('keeps at most a thousand reports of those who left: the oldest go', async () => {
    const { hub, clock } = open();
    const leave = (id: string): void => {
      const stop = hub.watch(id, () => undefined);
      hub.reportUse(id, [use(`projects/p/topics/${id}`)]);
      stop();
    };
    for (let n = 0; n <= 1_000; n++) leave(`w${n}`);
    const { dekCount, topics } = await hub.dependentsOf(version);
    expect(dekCount).toBe(1_000);
    expect(topics).not.toContain('projects/p/topics/w0');
    await clock.advance(reportKeptMs);
    expect(await hub.dependentsOf(version)).toEqual(nothing);
  });

  test('takes no report of one who has left', () => {
    const { hub } = open();
    hub.watch('a', () => undefined)();
    expect(() => hub.reportUse('a', [])).toThrow('connected');
  });

  test('takes no report of one who never watched: nothing would end it', () => {
    const { hub } = open();
    expect(() => hub.reportUse('a', [])).toThrow('connected');
  });
});
