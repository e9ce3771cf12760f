import type { AuditKind } from '../../audit/index.ts';

/** What a method works on. */
export type PubsubResource = 'topics' | 'subscriptions' | 'snapshots' | 'schemas';

/** How one method of Pub/Sub's administration is recorded. */
export interface PubsubOperation {
  readonly kind: Exclude<AuditKind, 'system_event'>;
  readonly on: PubsubResource;
  /** The field of the request that names the resource; a dot leads into a message. */
  readonly field: string;
  /** The field that holds the resource's id, where `field` names its project. */
  readonly idField?: string;
  /** What is not recorded of the request: users' data, by its JSON name. */
  readonly hiddenField?: string;
  /** Asked for on the resource, or on its project where there is none yet. */
  readonly permission: string;
  readonly isOnProject?: true;
  /** Further permissions, each on what a field of the request names. */
  readonly also?: readonly { readonly permission: string; readonly field: string }[];
}

/**
 * Pub/Sub's audited methods by their short names, as Google's documentation of its audit logs has
 * them. Publish, Pull, StreamingPull, Acknowledge and ModifyAckDeadline are recorded nowhere.
 */
export const pubsubOperations: Readonly<Record<string, PubsubOperation>> = {
  CreateTopic: {
    kind: 'activity',
    on: 'topics',
    field: 'name',
    permission: 'pubsub.topics.create',
    isOnProject: true,
  },
  UpdateTopic: change('topics', 'topic.name', 'pubsub.topics.update'),
  DeleteTopic: change('topics', 'topic', 'pubsub.topics.delete'),
  DetachSubscription: change('subscriptions', 'subscription', 'pubsub.subscriptions.detach'),
  CreateSubscription: {
    kind: 'activity',
    on: 'subscriptions',
    field: 'name',
    permission: 'pubsub.subscriptions.create',
    isOnProject: true,
    also: [{ permission: 'pubsub.topics.attachSubscription', field: 'topic' }],
  },
  UpdateSubscription: change('subscriptions', 'subscription.name', 'pubsub.subscriptions.update'),
  DeleteSubscription: change('subscriptions', 'subscription', 'pubsub.subscriptions.delete'),
  ModifyPushConfig: change('subscriptions', 'subscription', 'pubsub.subscriptions.update'),
  Seek: change('subscriptions', 'subscription', 'pubsub.subscriptions.consume'),
  CreateSnapshot: {
    kind: 'activity',
    on: 'snapshots',
    field: 'name',
    permission: 'pubsub.snapshots.create',
    isOnProject: true,
    also: [{ permission: 'pubsub.subscriptions.consume', field: 'subscription' }],
  },
  UpdateSnapshot: change('snapshots', 'snapshot.name', 'pubsub.snapshots.update'),
  DeleteSnapshot: change('snapshots', 'snapshot', 'pubsub.snapshots.delete'),
  CreateSchema: {
    kind: 'activity',
    on: 'schemas',
    field: 'parent',
    idField: 'schemaId',
    permission: 'pubsub.schemas.create',
    isOnProject: true,
  },
  CommitSchema: change('schemas', 'name', 'pubsub.schemas.commit'),
  RollbackSchema: change('schemas', 'name', 'pubsub.schemas.rollback'),
  DeleteSchemaRevision: change('schemas', 'name', 'pubsub.schemas.delete'),
  DeleteSchema: change('schemas', 'name', 'pubsub.schemas.delete'),
  GetTopic: read('topics', 'topic', 'pubsub.topics.get'),
  ListTopics: read('topics', 'project', 'pubsub.topics.list'),
  ListTopicSubscriptions: read('topics', 'topic', 'pubsub.topics.get'),
  ListTopicSnapshots: read('topics', 'topic', 'pubsub.topics.get'),
  GetSubscription: read('subscriptions', 'subscription', 'pubsub.subscriptions.get'),
  ListSubscriptions: read('subscriptions', 'project', 'pubsub.subscriptions.list'),
  GetSnapshot: read('snapshots', 'snapshot', 'pubsub.snapshots.get'),
  ListSnapshots: read('snapshots', 'project', 'pubsub.snapshots.list'),
  GetSchema: read('schemas', 'name', 'pubsub.schemas.get'),
  ListSchemas: read('schemas', 'parent', 'pubsub.schemas.list'),
  ListSchemaRevisions: read('schemas', 'name', 'pubsub.schemas.listRevisions'),
  ValidateSchema: read('schemas', 'parent', 'pubsub.schemas.validate'),
  ValidateMessage: {
    ...read('schemas', 'parent', 'pubsub.schemas.validate'),
    hiddenField: 'message',
  },
};

function change(on: PubsubResource, field: string, permission: string): PubsubOperation {
  return { kind: 'activity', on, field, permission };
}

function read(on: PubsubResource, field: string, permission: string): PubsubOperation {
  return { kind: 'data_access', on, field, permission };
}
