import type { Attributes } from './filters.ts';

/** A message as its publisher knows it. Without an id nobody answered: it may or may not exist. */
export interface ModelMessage {
  /** What its data begins with; no other message does but its copies in a dead letter topic. */
  readonly text: string;
  /** Bytes of padding that follow. */
  readonly padding: number;
  /** Empty: without order. */
  readonly key: string;
  readonly attributes: Attributes;
  /** Its publish time lies between the two. */
  readonly earliestMs: number;
  latestMs: number;
  id?: string;
}

/** Whoever takes messages: one Pull, one streaming pull, or push. */
export interface Taker {
  readonly kind: 'pull' | 'stream' | 'push';
  readonly clientId: string;
  ackDeadlineMs: number;
  readonly outstandingMax: number;
  isOpen: boolean;
}

export interface ModelDelivery {
  readonly text: string;
  readonly padding: number;
  readonly key: string;
  readonly attributes: Attributes;
  readonly ackId: string;
  readonly messageId: string;
  readonly publishTimeMs: number;
  readonly deliveryAttempt: number;
}

/** Of the two clocks. */
export interface Now {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** Somebody's hold on a message. */
export interface Lease {
  readonly ackId: string;
  readonly taker: Taker;
  readonly takenMs: number;
  /** Nobody else may get it before. */
  untilMs: number;
  /** What of it outlives a crash: an extension does once it was answered. */
  storedUntilMs: number;
  /** Extended in its last moment, when nobody outside can say whether it was still there. */
  perhapsUntilMs: number;
  /** False: handed out beside a seek, which may have ended it. */
  readonly isCertain: boolean;
  /** It was durable before it was told, and outlives a crash. */
  isDurable: boolean;
}

/** What stands between one subscription and one message. */
export interface Entry {
  readonly message: ModelMessage;
  /** `doubtful`: nobody outside can say whether it comes again. */
  fate: 'owed' | 'done' | 'doubtful';
  lease: Lease | null;
  /** Acknowledged before an earlier message of its key: not done yet. */
  isAhead: boolean;
  /** Its acknowledgement was answered: not even a crash brings it back. */
  isDurable: boolean;
  /** The request that acknowledged it, until that was answered. */
  request: object | null;
  /** Nacks and expiries, at least and at most. */
  failures: readonly [number, number];
  /** The retry policy holds it until then. */
  notBeforeMs: number;
  /** It failed so often that it belongs into the dead letter topic. */
  isExhausted: boolean;
  /** Nothing keeps it any more: a seek may find it or not. */
  isPerhapsTrimmed: boolean;
  /** Its retention was over at some time: it may have been let go since. */
  wasPast: boolean;
  /** Not handed out since a restart. */
  isRestored: boolean;
  /** It failed together with an earlier one of its key, or that one alone did. */
  isIdUnclear: boolean;
  /** Until a seek under way is answered. */
  isTouched: boolean;
  /** Ack ids that name its latest delivery or an earlier one, all of one generation. */
  latestAckId: string;
}
