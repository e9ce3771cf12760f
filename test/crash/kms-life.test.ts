import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  keyFailpointNames,
  noFailpoints,
  rootKeyFailpointNames,
  silentLogger,
  SystemClock,
} from '../../src/runtime/index.ts';
import { openLmdbKeyStore } from '../../src/storage/index.ts';
import { allKills, describeKill, fewKills, runKmsCampaign } from './kms-campaign.ts';
import { KmsRemains } from './kms-remains.ts';

describe('keys of a server that is killed', () => {
  const kills = fewKills();

  test(`live on through ${kills.length} kills between their steps`, async () => {
    const lines: string[] = [];
    const report = await runKmsCampaign(kills, (line) => lines.push(line));
    expect(report.violations, `${lines.join('\n')}\n${report.directory}`).toEqual([]);
    expect(report.missed).toEqual([]);
    expect([...report.kills.keys()]).toEqual(kills.map(describeKill));
  });

  test('can be killed at every failpoint that their life has', () => {
    const struck = new Set(allKills().map(({ failpoint }) => failpoint));
    const names = [...keyFailpointNames, ...rootKeyFailpointNames];
    expect(names.filter((name) => !struck.has(name))).toEqual([]);
  });
});

describe('the search for material', () => {
  const key = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';
  const version = `${key}/cryptoKeyVersions/1`;

  test('finds what no compaction took away, and nothing after one', async () => {
    const path = mkdtempSync(join(tmpdir(), 'sealpost-remains-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    const dataDir = join(path, 'data');
    const ports = { clock: new SystemClock(), log: silentLogger, failpoints: noFailpoints };
    const open = () => openLmdbKeyStore({ ...ports, path: join(dataDir, 'keys') });
    const change = async (value: Uint8Array | null, isCompacted = false): Promise<void> => {
      const store = await open();
      const keys = [`kms/version/${key}/0000000001`, `dek/${'01'.repeat(16)}/0000000001`];
      await store.txn(
        [],
        keys.map((rowKey, i) => ({ key: rowKey, value: value && value.map((byte) => byte + i) })),
      );
      if (isCompacted) await store.compact();
      await store.close();
    };
    const remains = new KmsRemains(dataDir, join(path, 'scratch'));
    await change(Uint8Array.from({ length: 90 }, (_, i) => (i * 7) % 251));
    expect(await remains.examine(() => true, new Set())).toEqual([]);
    expect(remains.notedCount).toBe(2);
    await change(null);
    const found = await remains.examine(() => false, new Set([version]));
    expect(found.map((line) => line.replace(/^.* still holds /, ''))).toEqual([
      version,
      'a DEK that was erased or rewrapped',
    ]);
    await change(null, true);
    expect(await remains.examine(() => false, new Set([version]))).toEqual([]);
  });
});
