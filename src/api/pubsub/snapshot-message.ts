import { create } from '@bufbuild/protobuf';
import { timestampFromMs, type Timestamp } from '@bufbuild/protobuf/wkt';

import { invalidArgument, type Snapshot } from '../../broker/index.ts';
import {
  SnapshotSchema,
  type Snapshot as SnapshotMessage,
} from '../proto/google/pubsub/v1/pubsub_pb.ts';
import type { MaskRules } from './update-mask.ts';
import { checkLabels, checkSnapshotName } from './validation.ts';

export const snapshotMask: MaskRules<typeof SnapshotSchema> = {
  request: 'UpdateSnapshotRequest',
  resource: SnapshotSchema,
  mutable: new Set(['labels', 'expire_time']),
};

/** The broker's form of a snapshot. Throws INVALID_ARGUMENT, also where no expire_time is set. */
export function snapshotFromMessage(message: SnapshotMessage): Snapshot {
  const { name, topic, labels, expireTime } = message;
  checkSnapshotName(name);
  checkLabels(labels);
  if (expireTime === undefined) throw invalidArgument('expire_time must be set');
  return { name, topic, labels: { ...labels }, expireTimeMs: timeOf('expire_time', expireTime) };
}

export function snapshotToMessage(snapshot: Snapshot): SnapshotMessage {
  const { name, topic, labels, expireTimeMs } = snapshot;
  const expireTime = timestampFromMs(expireTimeMs);
  return create(SnapshotSchema, { name, topic, labels: { ...labels }, expireTime });
}

/** Years 1 to 9999, which is what a Timestamp may hold. */
const secondsMin = -62_135_596_800n;
const secondsMax = 253_402_300_799n;

/**
 * Milliseconds since the Unix epoch, rounded up: publish times are whole milliseconds, and one is
 * before the time exactly when it is before the next whole millisecond.
 */
export function timeOf(field: string, { seconds, nanos }: Timestamp): number {
  const isSound = seconds >= secondsMin && seconds <= secondsMax && nanos >= 0 && nanos < 1e9;
  if (!isSound) throw invalidArgument(`${field} is no time`);
  return Number(seconds) * 1_000 + Math.ceil(nanos / 1_000_000);
}
