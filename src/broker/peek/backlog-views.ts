import type { SeekTarget } from '../service.ts';

/** Messages of one answer, and bytes of them beside a single larger message. */
export const peekLimits: { readonly messagesMax: number; readonly bytesMax: number } = {
  messagesMax: 100,
  bytesMax: 4 * 1024 * 1024,
};

export interface PeekRequest {
  /** 1 to 100. */
  readonly messagesMax: number;
  /** 1 to 4 MiB; the first message is shown whatever its size. */
  readonly bytesMax: number;
  /** Empty: from the oldest message on. */
  readonly pageToken: string;
}

/**
 * Where a message of a backlog stands: as LeaseState, and `waiting` if nobody has looked at it yet.
 */
export type PeekedState =
  | 'waiting'
  | 'available'
  | 'outstanding'
  | 'delayed'
  | 'transforming'
  | 'forwarding'
  | 'held'
  | 'ahead';

/** A message that is not acknowledged, as it is stored. */
export interface PeekedMessage {
  readonly messageId: string;
  readonly publishTimeMs: number;
  /** PubsubMessage fields 1, 2 and 5 in protobuf wire form; zeros once the page was taken. */
  readonly bytes: Uint8Array;
  readonly state: PeekedState;
  /** Of the delivery that is under way, else of the next one; counted since the server's start. */
  readonly deliveryAttempt: number;
  /** Outstanding: when its lease ends. Delayed: when it comes again. Else null. Unix epoch, ms. */
  readonly endTimeMs: number | null;
}

export interface PeekedPage {
  /** In the order in which they were published. */
  readonly messages: readonly PeekedMessage[];
  /** Empty on the last page. A page may be empty and not the last: a filter keeps much away. */
  readonly nextPageToken: string;
}

/** What a seek would do now. */
export interface SeekPreview {
  readonly unackedBefore: number;
  readonly unackedAfter: number;
  /** Acknowledged messages that would be delivered again. */
  readonly returningCount: number;
  /** Messages that would be acknowledged without having been. */
  readonly acknowledgedCount: number;
  /** False: a filter lets fewer through than are counted. */
  readonly isExact: boolean;
  /** Publish time of the oldest message that can come again though it is acknowledged, if any can. */
  readonly keptFromMs: number | null;
}

/** What can be seen of a subscription without changing anything of it. */
export interface BacklogViews {
  /**
   * Shows messages that are not acknowledged: no lease, no attempt, no order and no time of last use
   * changes. `take` runs synchronously, before the promise resolves; then the bytes are overwritten.
   * Throws as a Pull does, FAILED_PRECONDITION when the key cannot be used or it is detached.
   */
  peek<Reply>(
    subscription: string,
    request: PeekRequest,
    take: (page: PeekedPage) => Reply,
  ): Promise<Reply>;
  /** Throws as a Seek does. */
  previewSeek(subscription: string, target: SeekTarget): Promise<SeekPreview>;
}
