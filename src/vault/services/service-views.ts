import type { KeyWatch } from '../keys/key-state.ts';
import { activeCondition, statusOf, withRevokedKey } from './conditions.ts';
import type { Registrations } from './registrations.ts';
import { scaledBy } from './rules/settings.ts';
import type { Revision, Service } from './service.ts';
import type { StoredService } from './service-rows.ts';
import { isReachable, takesTraffic } from './traffic.ts';

type Labels = Readonly<Record<string, string>>;

/** A service's labels as they are shown and selected by: its owner's, and where it is. */
export function serviceLabels({ name, spec }: Pick<Service, 'name' | 'spec'>): Labels {
  return { ...spec.labels, 'cloud.googleapis.com/location': name.location };
}

/** A revision's labels as they are shown and selected by: its template's, and what made it. */
export function revisionLabels(revision: Revision): Labels {
  const { name, template, generation, serviceUid } = revision;
  return {
    ...template.labels,
    'cloud.googleapis.com/location': name.location,
    'serving.knative.dev/configuration': name.serviceId,
    'serving.knative.dev/configurationGeneration': String(generation),
    'serving.knative.dev/route': name.serviceId,
    'serving.knative.dev/service': name.serviceId,
    'serving.knative.dev/serviceUid': serviceUid,
  };
}

/** Whether its deployment succeeded, whatever became of its key since. */
export function isReady({ conditions }: Revision): boolean {
  return statusOf(conditions, 'Ready') === 'True';
}

export function hasFailed({ conditions }: Revision): boolean {
  return statusOf(conditions, 'Ready') === 'False';
}

export interface ServiceViewsOptions {
  readonly watch: Pick<KeyWatch, 'known'>;
  readonly registrations: Registrations;
  /** `http://PREFIX.localhost:8085`. */
  readonly urlOf: (hostPrefix: string) => string;
  readonly isApiHost: (host: string) => boolean;
}

/**
 * What is stored, as it is shown: conditions follow the state of keys as it is now, so that a
 * restoration needs no write.
 */
export class ServiceViews {
  readonly #options: ServiceViewsOptions;

  constructor(options: ServiceViewsOptions) {
    this.#options = options;
  }

  service(stored: StoredService): Service {
    const {
      deployment: _deployment,
      shortHost: _short,
      longHost,
      trafficMs: _ms,
      ...shown
    } = stored;
    const url = this.#options.urlOf(this.hosts(stored)[0] ?? longHost);
    return { ...shown, url, conditions: this.#conditions(stored) };
  }

  revision(revision: Revision, { servedTraffic, spec, trafficMs }: StoredService): Revision {
    const { revisionId } = revision.name;
    const state = this.#keyState(revision.name.project, revision.settings.encryption?.key ?? null);
    const active = activeCondition(isReachable(servedTraffic, revisionId), trafficMs);
    const conditions =
      state === undefined
        ? revision.conditions
        : withRevokedKey(revision.conditions, state, ['Ready', 'ResourcesAvailable']);
    return {
      ...revision,
      settings: scaledBy(
        revision.settings,
        spec.annotations,
        takesTraffic(servedTraffic, revisionId),
      ),
      conditions: [...conditions, active],
    };
  }

  /** Prefixes of the host names under which a service answers, the one of its URL first. */
  hosts({ shortHost, longHost }: StoredService): readonly string[] {
    const isFree = shortHost !== null && !this.#options.isApiHost(`${shortHost}.localhost`);
    return isFree ? [shortHost, longHost] : [longHost];
  }

  /** A service is as ready as the keys of what takes its traffic let it be. */
  #conditions({ name, conditions, servedTraffic }: StoredService): Service['conditions'] {
    for (const { revisionId, percent } of servedTraffic) {
      const place = this.#options.registrations.placeOf({ ...name, revisionId });
      if (percent === 0 || place === null) continue;
      const state = this.#keyState(place.project, place.key);
      if (state?.condition !== 'REVOKED') continue;
      return withRevokedKey(conditions, state, ['Ready', 'RoutesReady']);
    }
    return conditions;
  }

  #keyState(project: string, key: string | null): ReturnType<KeyWatch['known']> {
    return key === null ? undefined : this.#options.watch.known({ project, key });
  }
}
