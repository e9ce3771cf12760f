import type { StatusCode } from '../rpc/index.ts';

/** What the broker reports about itself; `metrics` implements it. Every call is synchronous. */
export interface BrokerObserver {
  /** A publish request was answered; `messageCount` is 0 when it failed. */
  publish(topic: string, code: StatusCode, messageCount: number, ms: number): void;
  pull(subscription: string, code: StatusCode, ms: number): void;
  /** A response or the end of a streaming pull. */
  streamingPullResponse(subscription: string, code: StatusCode): void;
  sealed(messages: number, bytes: number, ms: number): void;
  opened(messages: number, bytes: number, ms: number): void;
  committed(appends: number, ms: number): void;
  delivered(subscription: string, count: number): void;
  acked(subscription: string, count: number): void;
  topicDeleted(topic: string): void;
  subscriptionDeleted(subscription: string): void;
}

const nothing = (): void => undefined;

export const silentObserver: BrokerObserver = {
  publish: nothing,
  pull: nothing,
  streamingPullResponse: nothing,
  sealed: nothing,
  opened: nothing,
  committed: nothing,
  delivered: nothing,
  acked: nothing,
  topicDeleted: nothing,
  subscriptionDeleted: nothing,
};

/** Where one subscription stands, for the gauges. */
export interface BacklogReport {
  readonly subscription: string;
  readonly unackedCount: number;
  readonly oldestUnackedAgeSeconds: number;
  readonly outstandingCount: number;
}
