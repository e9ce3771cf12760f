import { describe, expect, test } from 'vitest';

import {
  agent,
  openRemoteKmsBench,
  remoteKeyName as name,
  type RemoteKmsBench,
} from '../../test/support/remote-kms-bench.ts';
import { KeyChanged_Kind as Kind } from '../proto/sealpost/v1/key_watch_pb.ts';
import type { ReportedUse } from './index.ts';

/** Virtual time passes in steps that leave sockets time of their own. */
async function passUntil(
  bench: RemoteKmsBench,
  stepMs: number,
  holds: () => boolean,
): Promise<void> {
  const step = async (): Promise<boolean> => {
    if (!holds()) await bench.clock.advance(stepMs);
    return holds();
  };
  await expect.poll(step, { timeout: 15_000, interval: 10 }).toBe(true);
}

describe('changes that a Sealpost key service pushes', () => {
  test('begin with a resync, and arrive as they are', async () => {
    const { server, events, changes } = await openRemoteKmsBench();
    await events.until(1, 'change', 'resync');
    server.push(Kind.VERSION_STATE, name);
    server.push(Kind.HEARTBEAT);
    server.push(Kind.PRIMARY, name);
    server.push(Kind.IAM, 'projects/p');
    await events.until(1, 'change', 'iam');
    expect(changes).toEqual([
      { kind: 'resync', resource: '' },
      { kind: 'versionState', resource: name },
      { kind: 'primary', resource: name },
      { kind: 'iam', resource: 'projects/p' },
    ]);
  });

  test('a watch that ends is opened again, and begins with a resync', async () => {
    const bench = await openRemoteKmsBench();
    await bench.events.until(1, 'change', 'resync');
    bench.server.endWatches();
    await bench.events.until(2, 'watch', 'unheard');
    await passUntil(bench, 50, () => bench.events.count('change', 'resync') === 2);
    expect(bench.events.count('watch', 'pushed')).toBe(2);
  });

  test('heartbeats keep a watch alive; thirty seconds of silence end it', async () => {
    const bench = await openRemoteKmsBench();
    await bench.events.until(1, 'watch', 'pushed');
    for (let beat = 1; beat <= 6; beat++) {
      await bench.clock.advance(25_000);
      bench.server.push(Kind.HEARTBEAT);
      bench.server.push(Kind.PRIMARY, name);
      await bench.events.until(beat, 'change', 'primary');
    }
    expect(bench.server.count('Watch')).toBe(1);
    await bench.clock.advance(30_000);
    await bench.events.until(2, 'watch', 'unheard');
    await passUntil(bench, 50, () => bench.server.count('Watch') === 2);
  });

  test('a watch that is taken and never says anything counts for nothing', async () => {
    const bench = await openRemoteKmsBench({}, (server) => {
      server.isMute = true;
    });
    await expect.poll(() => bench.server.watches.size).toBe(1);
    expect(bench.events.count('watch', 'pushed')).toBe(0);
    await passUntil(bench, 1_000, () => bench.server.count('Watch') === 2);
  });

  test('what comes back alive closes every breaker', async () => {
    const bench = await openRemoteKmsBench();
    await bench.events.until(1, 'watch', 'pushed');
    bench.server.keys.fail('hang');
    const request = {
      name,
      plaintext: new Uint8Array(32),
      additionalAuthenticatedData: new Uint8Array(0),
    };
    for (let call = 1; call <= 5; call++) {
      const answer = bench.service.encrypt(request, agent).catch(() => null);
      await expect.poll(() => bench.server.count('Encrypt')).toBe(call);
      bench.server.push(Kind.HEARTBEAT);
      await bench.clock.advance(1_000);
      await answer;
    }
    expect(bench.events.count('openBreakers', 1)).toBe(1);
    bench.server.keys.fail(null);
    bench.server.endWatches();
    await bench.events.until(2, 'watch', 'unheard');
    await passUntil(bench, 20, () => bench.events.count('openBreakers', 0) > 0);
    expect((await bench.service.encrypt(request, agent)).name).toContain(name);
  });
});

describe('a key service that does not push', () => {
  const open = (): Promise<RemoteKmsBench> =>
    openRemoteKmsBench({}, (server) => {
      server.isSealpost = false;
    });
  const use = async ({ service }: RemoteKmsBench): Promise<string> => {
    const empty = new Uint8Array(0);
    const request = { name, plaintext: new Uint8Array(32), additionalAuthenticatedData: empty };
    return (await service.encrypt(request, agent)).name;
  };

  test('has the versions in use looked at every half minute, and tells of one that was disabled', async () => {
    const bench = await open();
    await bench.events.until(1, 'watch', 'polled');
    const version = await use(bench);
    await bench.clock.advance(30_000);
    await expect.poll(() => bench.server.count('GetCryptoKeyVersion')).toBe(1);
    expect(bench.changes).toEqual([]);
    bench.server.disabledVersions.add(version);
    await passUntil(bench, 1_000, () => bench.changes.length > 0);
    expect(bench.changes).toEqual([{ kind: 'versionState', resource: name }]);
    bench.server.disabledVersions.clear();
    await passUntil(bench, 1_000, () => bench.changes.length > 1);
  });

  test('is asked every minute whether it pushes by now', async () => {
    const bench = await open();
    await bench.events.until(1, 'watch', 'polled');
    bench.server.isSealpost = true;
    await passUntil(bench, 1_000, () => bench.events.count('watch', 'pushed') === 1);
    expect(bench.changes).toEqual([{ kind: 'resync', resource: '' }]);
  });
});

describe('what depends on versions', () => {
  const uses: ReportedUse[] = [
    {
      name: `${name}/cryptoKeyVersions/1`,
      dekCount: 2,
      messageCount: 3,
      byteCount: 4,
      topics: Array.from({ length: 120 }, (_, i) => `projects/p/topics/t${i}`),
    },
  ];

  test('is reported when the watch begins, every minute, and soon after a version wrapped a key', async () => {
    const bench = await openRemoteKmsBench();
    bench.service.reportUses(async () => uses);
    await expect
      .poll(async () => {
        await bench.clock.advance(0);
        return bench.server.reports.length;
      })
      .toBe(1);
    const [report] = bench.server.reports;
    expect(report?.uses[0]).toMatchObject({ dekCount: 2n, messageCount: 3n, byteCount: 4n });
    expect(report?.uses[0]?.topics).toHaveLength(100);
    await passUntil(bench, 1_000, () => bench.server.reports.length === 2);
    const empty = new Uint8Array(0);
    const wrap = { name, plaintext: new Uint8Array(32), additionalAuthenticatedData: empty };
    await bench.service.encrypt(wrap, agent);
    await bench.service.encrypt(wrap, agent);
    const changedMs = bench.clock.monotonicMs();
    await passUntil(bench, 100, () => bench.server.reports.length === 3);
    expect(bench.clock.monotonicMs() - changedMs).toBeLessThan(30_000);
  });

  test('is reported anew with a new watch, which ended what was reported before', async () => {
    const bench = await openRemoteKmsBench();
    bench.service.reportUses(async () => uses);
    await passUntil(bench, 0, () => bench.server.reports.length === 1);
    bench.server.endWatches();
    await bench.events.until(2, 'watch', 'unheard');
    await passUntil(bench, 50, () => bench.server.reports.length === 2);
  });
});
