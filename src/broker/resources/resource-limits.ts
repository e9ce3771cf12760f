import { RpcError } from '../../rpc/index.ts';
import type { Registry } from '../registry.ts';
import type { TopicState } from '../topic-state.ts';

/** How many there may be (Pub/Sub quotas and limits, resource limits). */
export interface ResourceLimits {
  readonly topicsPerProject: number;
  /** Attached or not. */
  readonly subscriptionsPerProject: number;
  /** Attached ones. */
  readonly subscriptionsPerTopic: number;
  readonly snapshotsPerProject: number;
  readonly snapshotsPerTopic: number;
  readonly schemasPerProject: number;
  readonly revisionsPerSchema: number;
}

export const resourceLimits: ResourceLimits = {
  topicsPerProject: 10_000,
  subscriptionsPerProject: 10_000,
  subscriptionsPerTopic: 10_000,
  snapshotsPerProject: 5_000,
  snapshotsPerTopic: 5_000,
  schemasPerProject: 10_000,
  revisionsPerSchema: 20,
};

/** Throws RESOURCE_EXHAUSTED if there is no room for one more topic in its project. */
export function checkTopicCount({ topics, resources }: Registry, name: string): void {
  const project = projectOf(name);
  const count = topics.countOf(`${project}/topics/`);
  if (count >= resources.topicsPerProject) throw exhausted('topics', project);
}

export function checkSubscriptionCount(registry: Registry, name: string, topic: TopicState): void {
  const { subscriptions, detached, resources } = registry;
  const project = projectOf(name);
  const prefix = `${project}/subscriptions/`;
  const count = subscriptions.countOf(prefix) + detached.countOf(prefix);
  if (count >= resources.subscriptionsPerProject) throw exhausted('subscriptions', project);
  if (topic.stored.size >= resources.subscriptionsPerTopic) {
    throw exhausted('subscriptions per topic', project);
  }
}

export function checkSnapshotCount(registry: Registry, name: string, topic: TopicState): void {
  const { snapshots, resources } = registry;
  const project = projectOf(name);
  const count = snapshots.countOf(`${project}/snapshots/`);
  if (count >= resources.snapshotsPerProject) throw exhausted('snapshots', project);
  if (topic.snapshots.size >= resources.snapshotsPerTopic) {
    throw exhausted('snapshots per topic', project);
  }
}

export function checkSchemaCount({ schemas, resources }: Registry, name: string): void {
  const project = projectOf(name);
  const count = schemas.schemas.countOf(`${project}/schemas/`);
  if (count >= resources.schemasPerProject) throw exhausted('schemas', project);
}

/** Throws RESOURCE_EXHAUSTED if a schema with so many revisions takes no more. */
export function checkRevisionCount({ resources }: Registry, name: string, count: number): void {
  if (count < resources.revisionsPerSchema) return;
  throw exhausted('revisions per schema', projectOf(name));
}

/** `projects/P` of `projects/P/topics/T`. */
const projectOf = (name: string): string => name.split('/', 2).join('/');

/** Google's sentence for a quota that is used up. */
function exhausted(quota: string, project: string): RpcError {
  const id = project.slice(project.indexOf('/') + 1);
  return new RpcError(
    'RESOURCE_EXHAUSTED',
    'RESOURCE_QUOTA_EXCEEDED',
    `You have exceeded your ${quota} quota (project="${id}"). Refer to https://cloud.google.com/pubsub/quotas for more information.`,
  );
}
