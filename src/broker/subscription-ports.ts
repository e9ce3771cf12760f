import type { Clock } from '../runtime/index.ts';
import type { RecentAcksBudget } from './acks/recent-acks.ts';
import type { DeadLetters } from './dead-letter/dead-letters.ts';
import type { Mac } from './delivery/ack-id.ts';
import type { DeadlineWheel } from './delivery/deadline-wheel.ts';
import type { Dispatcher } from './delivery/dispatcher.ts';
import type { LeaseBudget } from './delivery/lease-budget.ts';
import type { BrokerObserver } from './observer.ts';
import type { PushPorts } from './push/push-pump.ts';
import type { TransformStagePorts } from './transforms/transform-stage.ts';

/** What all subscriptions share. */
export interface SubscriptionPorts extends TransformStagePorts {
  readonly clock: Clock;
  readonly observer: BrokerObserver;
  readonly mac: Mac;
  readonly wheel: DeadlineWheel;
  readonly dispatcher: Dispatcher;
  readonly budget: LeaseBudget;
  readonly recentAcks: RecentAcksBudget;
  readonly window: number;
  readonly push: PushPorts;
  readonly deadLetters: DeadLetters;
  /** Where this broker stores; absent: every policy is met. */
  readonly region?: string;
}
