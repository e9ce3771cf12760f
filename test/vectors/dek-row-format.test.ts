import { expect, test } from 'vitest';
import { commitmentOf, type SuiteId } from '../../src/crypto/index.ts';
import {
  decodeDekRow,
  dekRowKey,
  type DekRow,
  encodeDekRow,
  wrapAssociatedData,
} from '../../src/envelope/deks/dek-row.ts';
import { hex, toHex } from '../support/hex.ts';
import { readGolden } from './golden-file.ts';

interface Golden {
  readonly topicName: string;
  readonly topicUid: string;
  readonly version: number;
  readonly suite: SuiteId;
  readonly createTimeMs: number;
  readonly sealFromMs: number;
  readonly kekName: string;
  readonly kekVersionName: string;
  readonly dek: string;
  readonly wrapped: string;
  readonly wrapAssociatedData: string;
  readonly commitment: string;
  readonly rowKey: string;
  readonly row: string;
}

const { deks } = readGolden('dek-row-format-1.json') as { deks: readonly Golden[] };

function rowOf(golden: Golden): DekRow {
  const { version, suite, createTimeMs, sealFromMs, kekName, kekVersionName } = golden;
  return {
    version,
    suite,
    createTimeMs,
    sealFromMs,
    kekName,
    kekVersionName,
    topicUid: hex(golden.topicUid),
    commitment: hex(golden.commitment),
    wrapped: hex(golden.wrapped),
  };
}

test('golden rows of both suites are there', () => {
  expect(new Set(deks.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
});

test.each(deks)('the row of version $version is written and read', (golden) => {
  const row = rowOf(golden);
  expect(dekRowKey(row.topicUid, row.version)).toBe(golden.rowKey);
  expect(toHex(encodeDekRow(row))).toBe(golden.row);
  expect(decodeDekRow(hex(golden.row))).toEqual(row);
});

test.each(deks)('the wrap of version $version binds the golden bytes', (golden) => {
  const row = rowOf(golden);
  const topic = { name: golden.topicName, uid: row.topicUid };
  expect(toHex(wrapAssociatedData(topic, row))).toBe(golden.wrapAssociatedData);
  const bound = [row.topicUid, String(row.version), String(row.suite)];
  expect(toHex(commitmentOf(hex(golden.dek), bound))).toBe(golden.commitment);
});
