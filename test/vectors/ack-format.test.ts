import { expect, test } from 'vitest';
import {
  type AckDelta,
  type AckSnapshotPart,
  decodeDelta,
  decodeSnapshotPart,
  encodeDelta,
  encodeSnapshotPart,
} from '../../src/broker/acks/ack-record.ts';
import { AckIds, type AckTarget } from '../../src/broker/delivery/ack-id.ts';
import { keyedHashInto } from '../../src/crypto/index.ts';
import { hex, toHex } from '../support/hex.ts';
import { readGolden } from './golden-file.ts';

interface Golden {
  readonly deltas: readonly (AckDelta & { readonly record: string })[];
  readonly snapshotParts: readonly (AckSnapshotPart & { readonly record: string })[];
  readonly ackIds: readonly (AckTarget & {
    readonly key: string;
    readonly subscription: number;
    readonly lane: number;
    readonly ackId: string;
  })[];
}

const { deltas, snapshotParts, ackIds } = readGolden('ack-format-1.json') as Golden;

test('golden records and ack ids are there', () => {
  for (const list of [deltas, snapshotParts, ackIds]) expect(list.length).toBeGreaterThan(2);
});

test.each(deltas)('the delta $record is written and read', ({ floor, ranges, record }) => {
  expect(toHex(encodeDelta({ floor, ranges }))).toBe(record);
  expect(decodeDelta(hex(record))).toEqual({ floor, ranges });
});

test.each(snapshotParts)('the snapshot part $record is written and read', (golden) => {
  const { record, ...part } = golden;
  expect(toHex(encodeSnapshotPart(part))).toBe(record);
  expect(decodeSnapshotPart(hex(record))).toEqual(part);
});

test.each(ackIds)('the ack id $ackId is made and parsed', (golden) => {
  const key = hex(golden.key);
  const { subscription, lane, epoch, sequence, attempt, ackId } = golden;
  const owner = { subscription, lane, epoch };
  const ids = new AckIds((input, out) => keyedHashInto(key, input, out), owner);
  expect(ids.make(sequence, attempt)).toBe(ackId);
  expect(ids.parse(ackId)).toEqual({ epoch, sequence, attempt });
});
