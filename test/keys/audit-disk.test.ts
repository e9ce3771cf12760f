import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { noFailpoints, silentLogger, SystemClock } from '../../src/runtime/index.ts';
import { openLmdbStore } from '../../src/storage/index.ts';
import { AuditBench, auditEntry } from '../support/audit-bench.ts';

const mebibyte = 1024 * 1024;
let disk = '';
let isMounted = false;

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'sealpost-audit-'));
  const mount = ['-t', 'tmpfs', '-o', `size=${24 * mebibyte}`, 'none', disk];
  isMounted = spawnSync('/usr/bin/mount', mount).status === 0;
});
afterEach(() => {
  if (isMounted) spawnSync('/usr/bin/umount', ['-l', disk], { stdio: 'ignore' });
  rmSync(disk, { recursive: true, force: true });
});

test('on a full disk entries are written in the room of the reserve, then refused, then written again', async (context) => {
  if (!isMounted) context.skip('needs the right to mount');
  const store = await openLmdbStore({
    dataDir: disk,
    clock: new SystemClock(),
    log: silentLogger,
    failpoints: noFailpoints,
    reserveBytes: 4 * mebibyte,
  });
  const bench = await AuditBench.open({ store });
  const append = async (): Promise<unknown> => await bench.log.append(auditEntry());
  await append();
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, 'filler');
  writeFileSync(filler, new Uint8Array(bavail * bsize));
  let written = 1;
  for (; written < 200; written++) await append();
  // Large entries use the reserve up sooner; the refusal comes before the disk is at its end.
  const large = auditEntry({ request: 'x'.repeat(200_000) });
  const refusal = async (): Promise<unknown> => {
    for (let count = 0; count < 100; count++) {
      try {
        await bench.log.append(large);
        written++;
      } catch (error) {
        return error;
      }
    }
    return null;
  };
  expect(await refusal()).toMatchObject({ code: 'UNAVAILABLE', reason: 'AUDIT_UNAVAILABLE' });
  expect(await bench.verified()).toEqual({ findings: [], passed: written, expected: written });
  rmSync(filler);
  await append();
  expect(await bench.verified()).toMatchObject({ findings: [], passed: written + 1 });
  await bench.log.close();
  await store.close();
});
