import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';

import type { BrokerService } from '../../broker/index.ts';
import { parsePubsubName } from '../../rpc/index.ts';
import type { Entropy } from '../../runtime/index.ts';
import {
  ListSnapshotsResponseSchema,
  SnapshotSchema,
  Subscriber,
  type CreateSnapshotRequest,
  type Snapshot as SnapshotMessage,
  type UpdateSnapshotRequest,
} from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { drawName } from './drawn-name.ts';
import { method, type ApiMethod } from '../method.ts';
import { snapshotFromMessage, snapshotMask, snapshotToMessage } from './snapshot-message.ts';
import { masked, readMask } from './update-mask.ts';
import {
  checkLabels,
  checkProject,
  checkSnapshotName,
  checkSubscriptionName,
  checkTags,
  invalidName,
  pageRequest,
} from './validation.ts';

/** The methods of google.pubsub.v1.Subscriber that are about snapshots. */
export function snapshotMethods(broker: BrokerService, entropy: Entropy): ApiMethod[] {
  const service = Subscriber.method;
  return [
    method(service.createSnapshot, (request) => createSnapshot(broker, request, entropy)),
    method(service.getSnapshot, async ({ snapshot }) => {
      checkSnapshotName(snapshot);
      return snapshotToMessage(await broker.getSnapshot(snapshot));
    }),
    method(service.updateSnapshot, (request) => update(broker, request)),
    method(service.deleteSnapshot, async ({ snapshot }) => {
      checkSnapshotName(snapshot);
      await broker.deleteSnapshot(snapshot);
      return create(EmptySchema);
    }),
    method(service.listSnapshots, async ({ project, pageSize, pageToken }) => {
      checkProject(project);
      const page = await broker.listSnapshots(project, pageRequest(pageSize, pageToken));
      const { nextPageToken } = page;
      const snapshots = page.items.map(snapshotToMessage);
      return create(ListSnapshotsResponseSchema, { snapshots, nextPageToken });
    }),
  ];
}

/** An absent name is drawn, in the subscription's project; REST's path always has one. */
async function createSnapshot(
  broker: BrokerService,
  { name: given, subscription, labels, tags }: CreateSnapshotRequest,
  entropy: Entropy,
): Promise<SnapshotMessage> {
  checkSubscriptionName(subscription);
  const name =
    given || drawName(parsePubsubName(subscription, 'subscriptions'), 'snapshots', entropy);
  checkSnapshotName(name);
  checkLabels(labels);
  checkTags(tags);
  return snapshotToMessage(await broker.createSnapshot({ name, subscription, labels }));
}

async function update(
  broker: BrokerService,
  { snapshot: given, updateMask }: UpdateSnapshotRequest,
): Promise<SnapshotMessage> {
  if (given === undefined) throw invalidName('');
  const mask = readMask(updateMask?.paths, snapshotMask);
  checkSnapshotName(given.name);
  const stored = snapshotToMessage(await broker.getSnapshot(given.name));
  const snapshot = snapshotFromMessage(masked(SnapshotSchema, stored, given, mask));
  return snapshotToMessage(await broker.updateSnapshot(snapshot, [...mask.fields]));
}
