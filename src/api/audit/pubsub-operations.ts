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
  /** It makes the resource: there is none to be asked about before. */
  readonly isCreation?: true;
}

/**
 * Pub/Sub's audited methods by their short names, as Google's documentation of its audit logs has
 * them; what they ask for is in the table of permissions. Publish, Pull, StreamingPull, Acknowledge and ModifyAckDeadline are recorded nowhere.
 */
export const pubsubOperations: Readonly<Record<string, PubsubOperation>> = {
  CreateTopic: {
    kind: 'activity',
    on: 'topics',
    field: 'name',
    isCreation: true,
  },
  UpdateTopic: change('topics', 'topic.name'),
  DeleteTopic: change('topics', 'topic'),
  DetachSubscription: change('subscriptions', 'subscription'),
  CreateSubscription: {
    kind: 'activity',
    on: 'subscriptions',
    field: 'name',
    isCreation: true,
  },
  UpdateSubscription: change('subscriptions', 'subscription.name'),
  DeleteSubscription: change('subscriptions', 'subscription'),
  ModifyPushConfig: change('subscriptions', 'subscription'),
  Seek: change('subscriptions', 'subscription'),
  CreateSnapshot: {
    kind: 'activity',
    on: 'snapshots',
    field: 'name',
    isCreation: true,
  },
  UpdateSnapshot: change('snapshots', 'snapshot.name'),
  DeleteSnapshot: change('snapshots', 'snapshot'),
  CreateSchema: {
    kind: 'activity',
    on: 'schemas',
    field: 'parent',
    idField: 'schemaId',
    isCreation: true,
  },
  CommitSchema: change('schemas', 'name'),
  RollbackSchema: change('schemas', 'name'),
  DeleteSchemaRevision: change('schemas', 'name'),
  DeleteSchema: change('schemas', 'name'),
  GetTopic: read('topics', 'topic'),
  ListTopics: read('topics', 'project'),
  ListTopicSubscriptions: read('topics', 'topic'),
  ListTopicSnapshots: read('topics', 'topic'),
  GetSubscription: read('subscriptions', 'subscription'),
  ListSubscriptions: read('subscriptions', 'project'),
  GetSnapshot: read('snapshots', 'snapshot'),
  ListSnapshots: read('snapshots', 'project'),
  GetSchema: read('schemas', 'name'),
  ListSchemas: read('schemas', 'parent'),
  ListSchemaRevisions: read('schemas', 'name'),
  ValidateSchema: read('schemas', 'parent'),
  ValidateMessage: {
    ...read('schemas', 'parent'),
    hiddenField: 'message',
  },
};

function change(on: PubsubResource, field: string): PubsubOperation {
  return { kind: 'activity', on, field };
}

function read(on: PubsubResource, field: string): PubsubOperation {
  return { kind: 'data_access', on, field };
}
