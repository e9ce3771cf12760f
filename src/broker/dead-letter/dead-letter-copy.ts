import type { SealableMessage } from '../service.ts';
import { encodeAttributes, keptFields, writeParts } from '../wire/index.ts';

/** Where a dead letter comes from; it stands in attributes of the copy. */
export interface DeadLetterOrigin {
  /** Failed deliveries: nacks and passed deadlines. */
  readonly failures: number;
  /** `projects/P/subscriptions/S`. */
  readonly subscription: string;
  readonly publishTimeMs: number;
}

const prefix = 'CloudPubSubDeadLetterSource';

/**
 * The message that goes to the dead letter topic: all that the original has, ordering key included,
 * and attributes that say where it comes from. Those of an earlier journey are replaced, all others
 * stay, so that the limits of a publish may be passed: the copy goes through all the same.
 *
 * The bytes are the copy's own, and opened ones: fill them with zeros once they were published.
 */
export function deadLetterCopy(message: Uint8Array, origin: DeadLetterOrigin): SealableMessage {
  const { keys, fields } = encodeAttributes(originAttributes(origin));
  const kept = keptFields(message, keys);
  // Never from a pool: it holds opened bytes.
  const bytes = Buffer.allocUnsafeSlow(kept.bytes + fields.length);
  writeParts(bytes, 0, [...kept.parts, fields]);
  return { bytes, orderingKey: kept.orderingKey };
}

function originAttributes(origin: DeadLetterOrigin): (readonly [string, string])[] {
  const [, project = '', , subscription = ''] = origin.subscription.split('/');
  // Production writes the offset of UTC, where other timestamps have a Z.
  const time = new Date(origin.publishTimeMs).toISOString().replace('Z', '+00:00');
  return [
    [`${prefix}DeliveryCount`, String(origin.failures)],
    [`${prefix}Subscription`, subscription],
    [`${prefix}SubscriptionProject`, project],
    [`${prefix}TopicPublishTime`, time],
  ];
}
