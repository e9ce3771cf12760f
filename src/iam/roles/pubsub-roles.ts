import { permissions, type RoleTable } from './role-table.ts';

const topics = permissions('pubsub.topics');
const subscriptions = permissions('pubsub.subscriptions');
const snapshots = permissions('pubsub.snapshots');
const schemas = permissions('pubsub.schemas');
const transforms = ['pubsub.messageTransforms.validate'];

/** The names that a list shows. */
export const pubsubListed: readonly string[] = [
  ...topics('list'),
  ...subscriptions('list'),
  ...snapshots('list'),
  ...schemas('list', 'listRevisions'),
];

export const pubsubViewed: readonly string[] = [
  ...pubsubListed,
  ...topics('get'),
  ...subscriptions('get'),
  ...snapshots('get'),
  ...schemas('get', 'validate'),
  ...transforms,
];

export const pubsubEdited: readonly string[] = [
  ...pubsubViewed,
  ...topics('attachSubscription', 'create', 'delete', 'detachSubscription', 'publish', 'update'),
  ...subscriptions('consume', 'create', 'delete', 'update'),
  ...snapshots('create', 'delete', 'seek', 'update'),
  ...schemas('attach', 'commit', 'create', 'delete', 'rollback'),
];

const all = [topics, subscriptions, snapshots, schemas];

export const pubsubPoliciesRead: readonly string[] = all.flatMap((of) => of('getIamPolicy'));
export const pubsubPoliciesSet: readonly string[] = all.flatMap((of) => of('setIamPolicy'));

export const pubsubAdministered: readonly string[] = [
  ...pubsubEdited,
  ...pubsubPoliciesRead,
  ...pubsubPoliciesSet,
];

/** Pub/Sub's predefined roles (cloud.google.com/pubsub/docs/access-control). */
export const pubsubRoles: RoleTable = {
  'roles/pubsub.admin': pubsubAdministered,
  'roles/pubsub.editor': pubsubEdited,
  'roles/pubsub.viewer': pubsubViewed,
  'roles/pubsub.publisher': topics('publish'),
  'roles/pubsub.subscriber': [
    ...snapshots('seek'),
    ...subscriptions('consume'),
    ...topics('attachSubscription'),
  ],
};
