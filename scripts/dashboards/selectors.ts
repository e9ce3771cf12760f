/** The resources that are chosen at the top of the dashboard. */
export const topics: string = '{project_id=~"$project",topic_id=~"$topic"}';
export const subscriptions: string = '{project_id=~"$project",subscription_id=~"$subscription"}';

export const snapshots: string = '{project_id=~"$project"}';

export function ofTopics(metric: string, more: string = ''): string {
  return `pubsub_topic_${metric}${topics.replace('}', `${more}}`)}`;
}

export function ofSubscriptions(metric: string, more: string = ''): string {
  return `pubsub_subscription_${metric}${subscriptions.replace('}', `${more}}`)}`;
}

export function ofSnapshots(metric: string): string {
  return `pubsub_snapshot_${metric}${snapshots}`;
}
