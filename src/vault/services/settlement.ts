import { type Fault, settledService } from './conditions.ts';
import type { Revision } from './service.ts';
import {
  checkOf,
  nextResourceVersion,
  type ServiceRows,
  type Stored,
  type StoredService,
} from './service-rows.ts';
import { isReady } from './service-views.ts';
import { namedRevisions, routed, type RoutedTraffic } from './traffic.ts';

/** Where the traffic that a specification asks for can go, read from what is stored. */
export interface Routing {
  readonly traffic: RoutedTraffic;
  /** That the revisions which were looked at are still as they were. */
  readonly checks: readonly { readonly key: string; readonly version: number }[];
}

export async function routingOf(
  rows: ServiceRows,
  service: StoredService,
  latestReadyRevisionId: string | null,
): Promise<Routing> {
  const { name, spec } = service;
  const ready = new Set(latestReadyRevisionId === null ? [] : [latestReadyRevisionId]);
  const found: Stored<Revision>[] = [];
  for (const revisionId of namedRevisions(spec.traffic)) {
    if (revisionId === latestReadyRevisionId) continue;
    const row = await rows.revision({ ...name, revisionId });
    if (row === null) continue;
    found.push(row);
    if (isReady(row.value)) ready.add(revisionId);
  }
  const traffic = routed(spec.traffic, latestReadyRevisionId, (id) => ready.has(id));
  return { traffic, checks: found.map(checkOf) };
}

/** A service whose specification is in effect, or as much of it as can be. */
export function settled(
  service: StoredService,
  nowMs: number,
  outcome: {
    readonly traffic: RoutedTraffic;
    readonly configuration: Fault | null;
    readonly latestReadyRevisionId: string | null;
  },
): StoredService {
  const { traffic, configuration, latestReadyRevisionId } = outcome;
  const conditions = settledService(service.conditions, nowMs, {
    configuration,
    route: traffic.fault,
  });
  return {
    ...service,
    deployment: null,
    observedGeneration: service.generation,
    latestReadyRevisionId,
    servedTraffic: traffic.served ?? service.servedTraffic,
    trafficMs: traffic.served === null ? service.trafficMs : nowMs,
    conditions,
    resourceVersion: nextResourceVersion(service.resourceVersion, nowMs),
  };
}

/** What a service's conditions say is wrong with its latest revision. */
export function configurationFault({ conditions }: StoredService): Fault | null {
  const found = conditions.find(({ type }) => type === 'ConfigurationsReady');
  if (found?.status !== 'False') return null;
  return { reason: found.reason ?? '', message: found.message ?? '' };
}
