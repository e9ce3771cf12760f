import type { FrontTarget } from '../front/service-front.ts';
import type { Fault } from './conditions.ts';
import type { ServedTarget, ServiceName, TrafficTarget } from './service.ts';

/** What a specification's traffic comes to, or why it cannot be. */
export type RoutedTraffic =
  | { readonly served: readonly ServedTarget[]; readonly fault: null }
  | { readonly served: null; readonly fault: Fault };

/** Traffic only ever goes to revisions that are ready. */
export function routed(
  traffic: readonly TrafficTarget[],
  latestReadyRevisionId: string | null,
  isReady: (revisionId: string) => boolean,
): RoutedTraffic {
  const served: ServedTarget[] = [];
  for (const target of traffic) {
    const revisionId = target.revisionId ?? latestReadyRevisionId;
    if (revisionId === null) return missing('There is no ready revision to serve traffic.');
    if (!isReady(revisionId)) {
      return missing(`Revision '${revisionId}' is not ready and cannot serve traffic.`);
    }
    served.push({ ...target, revisionId, followsLatest: target.revisionId === undefined });
  }
  return { served, fault: null };
}

function missing(message: string): RoutedTraffic {
  return { served: null, fault: { reason: 'RevisionMissing', message } };
}

/** Revisions that a target names: they must not be deleted. */
export function namedRevisions(traffic: readonly TrafficTarget[]): readonly string[] {
  return [...new Set(traffic.flatMap(({ revisionId }) => revisionId ?? []))];
}

export function takesTraffic(served: readonly ServedTarget[], revisionId: string): boolean {
  return served.some((target) => target.revisionId === revisionId && target.percent > 0);
}

/** Whether requests can reach it: by a part of the traffic, or by a tag. */
export function isReachable(served: readonly ServedTarget[], revisionId: string): boolean {
  return served.some(
    ({ revisionId: id, percent, tag }) => id === revisionId && (percent > 0 || tag !== undefined),
  );
}

/** One for each host name under which a service answers. */
export function frontTargets(
  { project, location, serviceId }: ServiceName,
  hostPrefixes: readonly string[],
  served: readonly ServedTarget[],
): FrontTarget[] {
  const traffic = served.map(({ revisionId, percent, tag }) => ({
    revisionId,
    percent,
    ...(tag === undefined ? {} : { tag }),
  }));
  return hostPrefixes.map((hostPrefix) => ({ hostPrefix, project, location, serviceId, traffic }));
}
