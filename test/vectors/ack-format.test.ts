import { expect, test } from 'vitest';
import {
  type AckDelta,
  type AckSnapshotPart,
  decodeDelta,
  decodeGeneration,
  decodeSnapshotPart,
  encodeDelta,
  encodeGeneration,
  encodeSnapshotPart,
} from '../../src/broker/acks/ack-record.ts';
import { decodeLeases, encodeLeases } from '../../src/broker/acks/lease-record.ts';
import type { LeaseRecord } from '../../src/broker/acks/lease-record.ts';
import { AckIds, type AckTarget } from '../../src/broker/delivery/ack-id.ts';
import { keyedHashInto } from '../../src/crypto/index.ts';
import { hex, toHex } from '../support/hex.ts';
import { readGolden } from './golden-file.ts';

interface GoldenAckId {
  readonly key: string;
  readonly subscription: number;
  readonly lane: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly attempt: number;
  readonly ackId: string;
}

interface First {
  readonly deltas: readonly (AckDelta & { readonly record: string })[];
  readonly snapshotParts: readonly (AckSnapshotPart & { readonly record: string })[];
  readonly ackIds: readonly GoldenAckId[];
}

interface Second {
  readonly generations: readonly { readonly generation: number; readonly record: string }[];
  readonly leases: readonly { readonly leases: LeaseRecord[]; readonly record: string }[];
  readonly ackIds: readonly (GoldenAckId & AckTarget)[];
}

const first = readGolden('ack-format-1.json') as First;
const second = readGolden('ack-format-2.json') as Second;

test('golden records and ack ids are there', () => {
  for (const list of [...Object.values(first), ...Object.values(second)]) {
    expect(list.length).toBeGreaterThan(2);
  }
});

test.each(first.deltas)('the delta $record is written and read', ({ floor, ranges, record }) => {
  expect(toHex(encodeDelta({ floor, ranges }))).toBe(record);
  expect(decodeDelta(hex(record))).toEqual({ floor, ranges });
});

test.each(first.snapshotParts)('the snapshot part $record is written and read', (golden) => {
  const { record, ...part } = golden;
  expect(toHex(encodeSnapshotPart(part))).toBe(record);
  expect(decodeSnapshotPart(hex(record))).toEqual(part);
});

test.each(second.generations)('the generation $record is written and read', (golden) => {
  const { generation, record } = golden;
  expect(toHex(encodeGeneration(generation))).toBe(record);
  expect(decodeGeneration(hex(record))).toBe(generation);
});

test.each(second.leases)('the leases $record are written and read', ({ leases, record }) => {
  expect(encodeLeases(leases).map(toHex)).toEqual([record]);
  expect(decodeLeases(hex(record))).toEqual(leases);
});

const idsOf = ({ key, subscription, lane, epoch }: GoldenAckId): AckIds => {
  const bytes = hex(key);
  const owner = { subscription, lane, epoch };
  return new AckIds((input, out) => keyedHashInto(bytes, input, out), owner);
};

test.each(first.ackIds)('the ack id $ackId of version 1 is parsed', (golden) => {
  const { epoch, sequence, attempt, ackId } = golden;
  expect(idsOf(golden).parse(ackId)).toEqual({ epoch, generation: 0, sequence, attempt });
});

test.each(second.ackIds)('the ack id $ackId is made and parsed', (golden) => {
  const { epoch, generation, sequence, attempt, ackId } = golden;
  const ids = idsOf(golden);
  ids.generation = generation;
  expect(ids.make(sequence, attempt)).toBe(ackId);
  expect(ids.parse(ackId)).toEqual({ epoch, generation, sequence, attempt });
});
