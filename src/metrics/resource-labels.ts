import { otherResource } from './resource-rows.ts';

export type TopicLabel = 'project_id' | 'topic_id';
export type SubscriptionLabel = 'project_id' | 'subscription_id';

export const topicLabels: readonly TopicLabel[] = ['project_id', 'topic_id'];
export const subscriptionLabels: readonly SubscriptionLabel[] = ['project_id', 'subscription_id'];

/** Labels of `projects/P/topics/T`, as Cloud Monitoring's resource pubsub_topic has them. */
export function labelsOfTopic(name: string): Record<TopicLabel, string> {
  const { project, id } = partsOf(name);
  return { project_id: project, topic_id: id };
}

/** Labels of `projects/P/subscriptions/S`, as the resource pubsub_subscription has them. */
export function labelsOfSubscription(name: string): Record<SubscriptionLabel, string> {
  const { project, id } = partsOf(name);
  return { project_id: project, subscription_id: id };
}

function partsOf(name: string): { project: string; id: string } {
  const [, project, , id] = name.split('/');
  return { project: project ?? otherResource, id: id ?? otherResource };
}
