import type { SubscriptionRow } from '../catalog/catalog-rows.ts';
import type { Mac } from './ack-id.ts';
import type { HeldSegment } from '../lanes/lane-reader.ts';
import { limits } from '../limits.ts';
import { orderingKeyOf } from '../wire/index.ts';

/** Whether a subscription wants a message at all. */
export interface Filtering {
  matches(segment: HeldSegment, index: number): boolean;
  /** Whether those that do not match were reported when they were published. */
  isCountedAtPublish(segment: HeldSegment): boolean;
}

/** What a subscription asks of each message before it is delivered for the first time. */
export class MessageScan {
  readonly #filter: Filtering | null;
  readonly #tags: KeyTags | null;

  /** `tags` where the subscription keeps order. */
  constructor(filter: Filtering | null, tags: KeyTags | null) {
    this.#filter = filter;
    this.#tags = tags;
  }

  matches(segment: HeldSegment, index: number): boolean {
    return this.#filter === null || this.#filter.matches(segment, index);
  }

  /** Whether the messages that it keeps away were reported when they were published. */
  isCountedAtPublish(segment: HeldSegment): boolean {
    return this.#filter === null || this.#filter.isCountedAtPublish(segment);
  }

  /** Stands for the message's ordering key; null without one, or if no order is kept. */
  tagOf(segment: HeldSegment, index: number): string | null {
    if (this.#tags === null) return null;
    const message = segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
    const key = orderingKeyOf(message);
    return key.length === 0 ? null : this.#tags.of(key);
  }
}

const domain: Buffer = Buffer.from('sealpost/ordering-tag/v1/', 'latin1');
const tagBytes = 16;

/**
 * Names ordering keys in memory without keeping them: 16 bytes of a keyed hash, one to a
 * character. Two keys of one topic with the same tag would only wait for each other.
 */
export class KeyTags {
  readonly #mac: Mac;
  readonly #tag: Buffer = Buffer.alloc(tagBytes);
  readonly #input: Buffer = Buffer.alloc(domain.length + limits.orderingKeyBytesMax);

  constructor(mac: Mac) {
    this.#mac = mac;
    this.#input.set(domain);
  }

  of(orderingKey: Uint8Array): string {
    const input = this.#input.subarray(0, domain.length + orderingKey.length);
    input.set(orderingKey, domain.length);
    this.#mac(input, this.#tag);
    input.fill(0, domain.length);
    return this.#tag.toString('latin1');
  }
}

/** Null where nothing is asked of a message: that is the fast way. */
export function scanOf(
  row: SubscriptionRow,
  mac: Mac,
  filter: Filtering | null,
): MessageScan | null {
  const isOrdered = row.enableMessageOrdering === true;
  if (filter === null && !isOrdered) return null;
  return new MessageScan(filter, isOrdered ? new KeyTags(mac) : null);
}
