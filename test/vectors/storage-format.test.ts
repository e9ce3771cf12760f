import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noFailpoints, silentLogger } from '../../src/runtime/index.ts';
import { type KeyStore, openLmdbKeyStore, type SegmentKind } from '../../src/storage/index.ts';
import { LmdbEnvironment } from '../../src/storage/lmdb/lmdb-environment.ts';
import {
  baseOfKey,
  decodeSegment,
  encodeSegment,
  logKey,
  recordBytes,
  segmentDatabase,
  segmentKey,
} from '../../src/storage/lmdb/segment-record.ts';
import { hex, toHex } from '../support/hex.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { readGolden } from './golden-file.ts';

interface Golden {
  readonly segments: readonly {
    readonly log: number;
    readonly base: number;
    readonly kind: SegmentKind;
    readonly count: number;
    readonly epoch: number;
    readonly timeMs: number;
    readonly id: string;
    readonly body: string;
    readonly database: string;
    readonly logKey: string;
    readonly key: string;
    readonly record: string;
  }[];
  readonly metaRows: readonly {
    readonly key: string;
    readonly version: number;
    readonly value: string;
    readonly storedKey: string;
    readonly stored: string;
  }[];
}

const { segments, metaRows } = readGolden('storage-format-1.json') as Golden;

test('golden segments of every kind are there', () => {
  expect(new Set(segments.map(({ kind }) => kind))).toEqual(new Set([1, 2, 3, 4, 5]));
  expect(metaRows.length).toBeGreaterThan(1);
});

test.each(segments)('a segment of log $log is written as the golden bytes', (golden) => {
  const { log, base, kind, count, epoch, timeMs } = golden;
  const [id, body] = [hex(golden.id), hex(golden.body)];
  const op = { log, at: base, kind, count, epoch, timeMs, id, body };
  expect(toHex(encodeSegment(op, Buffer.alloc(recordBytes(op))))).toBe(golden.record);
  expect(toHex(segmentKey(log, base))).toBe(golden.key);
  expect(toHex(logKey(log))).toBe(golden.logKey);
  expect(segmentDatabase(log)).toBe(golden.database);
});

test.each(segments)('a golden segment of log $log is read', (golden) => {
  const { log, base, kind, count, epoch, timeMs } = golden;
  expect(baseOfKey(hex(golden.key))).toBe(base);
  const read = decodeSegment(log, base, hex(golden.record));
  const [id, body] = [hex(golden.id), hex(golden.body)];
  expect(read).toEqual({ log, base, kind, count, epoch, timeMs, id, body });
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sealpost-golden-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const openRows = (path: string): Promise<KeyStore> => {
  const clock = new VirtualClock();
  return openLmdbKeyStore({ path, clock, log: silentLogger, failpoints: noFailpoints });
};

test('rows are written as the golden bytes', async () => {
  const path = directory();
  const rows = await openRows(path);
  for (const { key, version, value } of metaRows) {
    for (let n = 0; n < version; n++) {
      expect(await rows.txn([{ key, version: n }], [{ key, value: hex(value) }])).toBe(true);
    }
  }
  await rows.close();
  const environment = new LmdbEnvironment({ path, databases: ['meta'] });
  const stored = metaRows.map(({ storedKey }) =>
    toHex(environment.database('meta').get(hex(storedKey)) ?? new Uint8Array(0)),
  );
  await environment.close();
  expect(stored).toEqual(metaRows.map((row) => row.stored));
});

test('golden rows are read', async () => {
  const path = directory();
  const environment = new LmdbEnvironment({ path, databases: ['meta'] });
  await environment.commit(
    metaRows.map((row) => ({
      database: 'meta',
      key: hex(row.storedKey),
      value: hex(row.stored),
    })),
  );
  await environment.close();
  const rows = await openRows(path);
  for (const { key, version, value } of metaRows) {
    const row = await rows.get(key);
    expect({ ...row, value: toHex(row!.value) }).toEqual({ key, version, value });
  }
  await rows.close();
});
