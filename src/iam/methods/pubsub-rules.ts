import type { AccessRule } from '../access-rule.ts';
import { actAs, demand, ifSet, inProject, rulesOf } from './rules.ts';

const consume = demand('pubsub.subscriptions.consume', 'subscription');

/** google.pubsub.v1, as cloud.google.com/pubsub/docs/access-control has it. */
const publisher = rulesOf('google.pubsub.v1.Publisher', {
  CreateTopic: [
    inProject('pubsub.topics.create', 'name'),
    ifSet(demand('pubsub.schemas.attach', 'schema_settings.schema')),
  ],
  UpdateTopic: [
    demand('pubsub.topics.update', 'topic.name'),
    ifSet(demand('pubsub.schemas.attach', 'topic.schema_settings.schema')),
  ],
  Publish: [demand('pubsub.topics.publish', 'topic')],
  GetTopic: [demand('pubsub.topics.get', 'topic')],
  ListTopics: [demand('pubsub.topics.list', 'project')],
  ListTopicSubscriptions: [demand('pubsub.topics.get', 'topic')],
  ListTopicSnapshots: [demand('pubsub.topics.get', 'topic')],
  DeleteTopic: [demand('pubsub.topics.delete', 'topic')],
  DetachSubscription: [
    demand('pubsub.topics.detachSubscription', 'subscription', 'topicOfSubscription'),
  ],
});

const subscriber = rulesOf('google.pubsub.v1.Subscriber', {
  // Without a name the server draws one, in the topic's project.
  CreateSubscription: [
    inProject('pubsub.subscriptions.create', 'name|topic'),
    demand('pubsub.topics.attachSubscription', 'topic'),
    actAs('push_config.oidc_token.service_account_email'),
  ],
  GetSubscription: [demand('pubsub.subscriptions.get', 'subscription')],
  UpdateSubscription: [
    demand('pubsub.subscriptions.update', 'subscription.name'),
    actAs('subscription.push_config.oidc_token.service_account_email'),
  ],
  ListSubscriptions: [demand('pubsub.subscriptions.list', 'project')],
  DeleteSubscription: [demand('pubsub.subscriptions.delete', 'subscription')],
  ModifyAckDeadline: [consume],
  Acknowledge: [consume],
  Pull: [consume],
  StreamingPull: [consume],
  ModifyPushConfig: [
    demand('pubsub.subscriptions.update', 'subscription'),
    actAs('push_config.oidc_token.service_account_email'),
  ],
  GetSnapshot: [demand('pubsub.snapshots.get', 'snapshot')],
  ListSnapshots: [demand('pubsub.snapshots.list', 'project')],
  CreateSnapshot: [inProject('pubsub.snapshots.create', 'name|subscription'), consume],
  UpdateSnapshot: [demand('pubsub.snapshots.update', 'snapshot.name')],
  DeleteSnapshot: [demand('pubsub.snapshots.delete', 'snapshot')],
  Seek: [consume, ifSet(demand('pubsub.snapshots.seek', 'snapshot'))],
});

const schemas = rulesOf('google.pubsub.v1.SchemaService', {
  CreateSchema: [demand('pubsub.schemas.create', 'parent')],
  GetSchema: [demand('pubsub.schemas.get', 'name')],
  ListSchemas: [demand('pubsub.schemas.list', 'parent')],
  ListSchemaRevisions: [demand('pubsub.schemas.listRevisions', 'name')],
  CommitSchema: [demand('pubsub.schemas.commit', 'name')],
  RollbackSchema: [demand('pubsub.schemas.rollback', 'name')],
  DeleteSchemaRevision: [demand('pubsub.schemas.delete', 'name')],
  DeleteSchema: [demand('pubsub.schemas.delete', 'name')],
  ValidateSchema: [demand('pubsub.schemas.validate', 'parent')],
  ValidateMessage: [
    demand('pubsub.schemas.validate', 'parent'),
    ifSet(demand('pubsub.schemas.get', 'name')),
  ],
});

/** In no public proto. */
const transforms = rulesOf('google.pubsub.v1.Projects', {
  validateMessageTransform: [demand('pubsub.messageTransforms.validate', 'project')],
  testMessageTransforms: [demand('pubsub.messageTransforms.validate', 'project')],
});

/**
 * Requests of the WebSocket protocol, which ask what the RPCs ask that they stand for; what comes
 * back for a stream is let pass with it.
 */
const sessions = rulesOf('sealpost.v1.WebSocket', {
  Publish: [demand('pubsub.topics.publish', 'topic')],
  Subscribe: [
    ifSet(consume),
    ifSet(inProject('pubsub.subscriptions.create', 'topic')),
    ifSet(demand('pubsub.topics.attachSubscription', 'topic')),
  ],
  Acknowledge: [],
  ModifyAckDeadline: [],
});

export const pubsubRules: readonly AccessRule[] = [
  ...publisher,
  ...subscriber,
  ...schemas,
  ...transforms,
  ...sessions,
];
