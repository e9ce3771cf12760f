import type { RevisionName } from '../../vault/index.ts';
import { otherResource } from '../resources/resource-labels.ts';

/** Cloud Monitoring's labels of the resource `cloud_run_revision`. */
export const revisionLabelNames: readonly RevisionLabel[] = [
  'project_id',
  'location',
  'service_name',
  'revision_name',
];

export type RevisionLabel = 'project_id' | 'location' | 'service_name' | 'revision_name';

const others: Record<RevisionLabel, string> = {
  project_id: otherResource,
  location: otherResource,
  service_name: otherResource,
  revision_name: otherResource,
};

/** Labels of the first `max` revisions that are seen; all others share one set. */
export class RevisionLabels {
  readonly #seen: Map<string, Record<RevisionLabel, string>> = new Map();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  of({ project, location, serviceId, revisionId }: RevisionName): Record<RevisionLabel, string> {
    const key = JSON.stringify([project, location, serviceId, revisionId]);
    const seen = this.#seen.get(key);
    if (seen !== undefined) return seen;
    if (this.#seen.size >= this.#max) return others;
    const labels = {
      project_id: project,
      location,
      service_name: serviceId,
      revision_name: revisionId,
    };
    this.#seen.set(key, labels);
    return labels;
  }
}
