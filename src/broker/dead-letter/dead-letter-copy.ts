import { limits } from '../limits.ts';
import type { SealableMessage } from '../service.ts';
import { encodeAttributes, keptFields, writeParts } from '../wire/index.ts';

/** Where a dead letter comes from; it stands in attributes of the copy. */
export interface DeadLetterOrigin {
  /** Failed deliveries: nacks and passed deadlines. */
  readonly failures: number;
  /** `projects/P/subscriptions/S`. */
  readonly subscription: string;
  readonly publishTimeMs: number;
  /** What its subscription's transform did not bear; the value of an attribute holds a part of it. */
  readonly deliveryError?: string;
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
  const { deliveryError } = origin;
  return [
    [`${prefix}DeliveryCount`, String(origin.failures)],
    [`${prefix}Subscription`, subscription],
    [`${prefix}SubscriptionProject`, project],
    [`${prefix}TopicPublishTime`, time],
    ...(deliveryError === undefined
      ? []
      : [[`${prefix}DeliveryErrorMessage`, shortened(deliveryError)] as const]),
  ];
}

/** As much of a text as the value of an attribute may hold, in whole characters. */
function shortened(text: string): string {
  const bytes = Buffer.from(text.toWellFormed());
  let end = Math.min(bytes.length, limits.attributeValueBytesMax);
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
