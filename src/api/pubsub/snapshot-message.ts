import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';

import { invalidArgument, type Snapshot } from '../../broker/index.ts';
import {
  SnapshotSchema,
  type Snapshot as SnapshotMessage,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { timeOf } from './time-fields.ts';
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
