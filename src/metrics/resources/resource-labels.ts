import { labelText } from '../page/exposition.ts';

/** Stands for all resources that have no series of their own. */
export const otherResource = '_other';

/** Resources of one kind that have series of their own, unless told otherwise. */
export const resourcesMax = 1000;

/** Labels of `projects/P/topics/T`, as Cloud Monitoring's resource pubsub_topic has them. */
export function topicLabels(name: string): string {
  const { project, id } = partsOf(name);
  return labelText({ project_id: project, topic_id: id });
}

/** Labels of `projects/P/subscriptions/S`, as the resource pubsub_subscription has them. */
export function subscriptionLabels(name: string): string {
  const { project, id } = partsOf(name);
  return labelText({ project_id: project, subscription_id: id });
}

/** Labels of `projects/P/snapshots/S`, as Cloud Monitoring's resource pubsub_snapshot has them. */
export function snapshotLabels(name: string): string {
  const { project, id } = partsOf(name);
  return labelText({ project_id: project, snapshot_id: id });
}

/** `projects/P/subscriptions/goog-ephemeral` for every ephemeral subscription of a project. */
export function ephemeralGroup(name: string): string | null {
  const mark = '/subscriptions/goog-ephemeral';
  const end = name.indexOf(`${mark}-`);
  return end < 0 ? null : name.slice(0, end + mark.length);
}

function partsOf(name: string): { project: string; id: string } {
  const [, project, , id] = name.split('/');
  return { project: project ?? otherResource, id: id ?? otherResource };
}
