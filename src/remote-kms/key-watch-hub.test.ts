import { describe, expect, test } from 'vitest';

import { ScriptedKeyService } from '../../test/support/scripted-key-service.ts';
import type { KeyChange, VersionDependents } from '../kms/index.ts';
import { KeyWatchHub, type ReportedUse } from './key-watch-hub.ts';

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

function open(): { hub: KeyWatchHub; keys: ScriptedKeyService } {
  const keys = new ScriptedKeyService();
  return { hub: new KeyWatchHub({ keys, projectNumber: async () => '7' }), keys };
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

  test('forgets a report with the last watch of its reporter', async () => {
    const { hub } = open();
    const first = hub.watch('a', () => undefined);
    const second = hub.watch('a', () => undefined);
    hub.reportUse('a', [use('projects/p/topics/1')]);
    first();
    expect((await hub.dependentsOf(version)).messageCount).toBe(10);
    second();
    expect(await hub.dependentsOf(version)).toEqual(nothing);
  });

  test('takes no report of one who does not watch: nothing would end it', () => {
    const { hub } = open();
    expect(() => hub.reportUse('a', [])).toThrow('connected');
  });
});
