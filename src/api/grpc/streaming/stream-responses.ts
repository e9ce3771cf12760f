import { create, toBinary } from '@bufbuild/protobuf';

import type { PullStream, SettleResult } from '../../../broker/index.ts';
import {
  StreamingPullResponse_AcknowledgeConfirmationSchema as AcknowledgeConfirmation,
  StreamingPullResponse_ModifyAckDeadlineConfirmationSchema as ModifyConfirmation,
  StreamingPullResponse_SubscriptionPropertiesSchema as Properties,
  StreamingPullResponseSchema,
} from '../../../proto/google/pubsub/v1/pubsub_pb.ts';
import type { Settled } from './stream-settler.ts';

/** A StreamingPullResponse that says what became of ack ids (pubsub.v1, its confirmations). */
export function encodeConfirmation(
  settled: Settled,
  { exactlyOnce, ordering }: PullStream['properties'],
): Uint8Array {
  const response = create(StreamingPullResponseSchema);
  response.subscriptionProperties = create(Properties, {
    exactlyOnceDeliveryEnabled: exactlyOnce,
    messageOrderingEnabled: ordering,
  });
  const lists = {
    ackIds: idsOf(settled, ['done']),
    invalidAckIds: idsOf(settled, ['invalid', 'expired']),
    temporaryFailedAckIds: idsOf(settled, ['failed']),
  };
  if (settled.kind === 'acknowledge') {
    const unorderedAckIds = idsOf(settled, ['unordered']);
    const confirmation = create(AcknowledgeConfirmation, { ...lists, unorderedAckIds });
    response.acknowledgeConfirmation = confirmation;
  } else {
    response.modifyAckDeadlineConfirmation = create(ModifyConfirmation, lists);
  }
  return toBinary(StreamingPullResponseSchema, response);
}

function idsOf({ ackIds, results }: Settled, wanted: readonly SettleResult[]): string[] {
  return ackIds.filter((_, index) => wanted.includes(results[index] ?? 'failed'));
}
