/**
 * broker: topics, subscriptions and delivery: from a publish to its last acknowledgement.
 *
 * Sees keys only through `envelope`, disks only through `storage`, and knows no wire but the
 * protobuf form of a message, which is what it seals.
 */
export type {
  BrokerService,
  Change,
  DeadLetterPolicy,
  Delivery,
  Finding,
  KeyHealth,
  MessageStoragePolicy,
  Page,
  PageRequest,
  PullRequest,
  PullStream,
  PushClass,
  PushConfig,
  PushStatus,
  RetryPolicy,
  SealableMessage,
  SeekTarget,
  SettleResult,
  Snapshot,
  SnapshotRequest,
  StreamSettings,
  StreamSink,
  Subscription,
  SubscriptionDiagnosis,
  Topic,
  TopicDiagnosis,
} from './service.ts';
export {
  silentObserver,
  type BacklogReport,
  type BrokerObserver,
  type ConfigOperation,
  type DeliveryType,
  type PublishSizes,
  type SnapshotReport,
  type StreamState,
  type TopicReport,
  type TransformResult,
} from './observer.ts';
export type { PushAnswer, PushRequest, PushSender } from './push/push-sender.ts';
export {
  decodeMessage,
  encodePublishResponse,
  encodePullResponse,
  encodeReceivedMessages,
  encodeStreamingPullResponse,
  parsePublishRequest,
  sealableMessage,
  type MessageParts,
  type ParsedPublish,
  type SubscriptionProperties,
  varintBytes,
  writeVarint,
} from './wire/index.ts';
export {
  peekLimits,
  type BacklogViews,
  type PeekedMessage,
  type PeekedPage,
  type PeekedState,
  type PeekRequest,
  type SeekPreview,
} from './peek/backlog-views.ts';
export { invalidArgument, limits, tooLarge, tooSmall } from './limits.ts';
export { Broker } from './broker.ts';
export type { RewrapJournal } from './key-use/key-rewraps.ts';
export type { TopicUse, VersionUse } from './key-use/key-use.ts';
export type { RewrapProgress, RewrapTask, TopicRewrap } from './key-use/rewrap-progress.ts';
export { draining } from './errors.ts';
export { rateExceeded } from './quotas/rate-exceeded.ts';
export { deletedSchema } from './schemas/topic-binding.ts';
export type { KeyedTopic, KeyPolicy } from './resources/key-policy.ts';
export { checkFilter } from './filter/filter-parser.ts';
export type { Mac } from './delivery/ack-id.ts';
export type { BrokerLimits, BrokerPorts } from './registry.ts';
export { resourceLimits, type ResourceLimits } from './resources/resource-limits.ts';
export type {
  TransformAdministration,
  TransformsOf,
} from './transforms/transform-administration.ts';
export type {
  SchemaAdministration,
  SchemaRevision,
  SchemaSettings,
  SchemaView,
} from './schemas/schema-administration.ts';
