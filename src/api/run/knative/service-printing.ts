import { formatTimestamp } from '../../../rpc/index.ts';
import type { Condition, Service } from '../../../vault/index.ts';
import type { JsonValue } from '../../json.ts';
import type { JsonObject } from '../../json/json-body.ts';
import { locationLabel } from './annotations.ts';
import { apiVersion } from './service-reading.ts';
import { templateJson } from './template-printing.ts';
import { servedTrafficJson, trafficJson } from './traffic-printing.ts';

/** A Knative Service. */
export function serviceJson(service: Service): JsonObject {
  const { spec } = service;
  const template = templateJson(spec.template);
  return {
    apiVersion,
    kind: 'Service',
    metadata: metadataJson(service, 'services'),
    spec: { template, traffic: trafficJson(spec.traffic) },
    status: {
      ...progressJson(service, ['Ready', 'ConfigurationsReady', 'RoutesReady']),
      ...latestJson(service),
      ...addressJson(service),
    },
  };
}

/** A service's template as a Knative Configuration. */
export function configurationJson(service: Service): JsonObject {
  return {
    apiVersion,
    kind: 'Configuration',
    metadata: metadataJson(service, 'configurations'),
    spec: { template: templateJson(service.spec.template) },
    status: {
      ...progressJson(service, ['ConfigurationsReady'], 'Ready'),
      ...latestJson(service),
    },
  };
}

/** A service's traffic as a Knative Route. */
export function routeJson(service: Service): JsonObject {
  return {
    apiVersion,
    kind: 'Route',
    metadata: metadataJson(service, 'routes'),
    spec: { traffic: trafficJson(service.spec.traffic) },
    status: {
      ...progressJson(service, ['RoutesReady'], 'Ready'),
      ...addressJson(service),
    },
  };
}

/** A service as its owner would write it: what the server set is left out. */
export function exportedJson(service: Service): JsonObject {
  const { name, spec } = service;
  return {
    apiVersion,
    kind: 'Service',
    metadata: {
      name: name.serviceId,
      namespace: name.project,
      labels: { ...spec.labels, [locationLabel]: name.location },
      annotations: { ...spec.annotations },
    },
    spec: { template: templateJson(spec.template), traffic: trafficJson(spec.traffic) },
  };
}

export function conditionsJson(conditions: readonly Condition[]): JsonValue[] {
  return conditions.map(({ lastTransitionMs, ...condition }) => ({
    ...condition,
    lastTransitionTime: formatTimestamp(lastTransitionMs),
  }));
}

function metadataJson(service: Service, collection: string): JsonObject {
  const { name, spec, uid, generation, resourceVersion, createdMs } = service;
  const { creator, lastModifier, url } = service;
  const { project, location, serviceId } = name;
  return {
    name: serviceId,
    namespace: project,
    selfLink: `/apis/${apiVersion}/namespaces/${project}/${collection}/${serviceId}`,
    uid,
    resourceVersion,
    generation,
    creationTimestamp: formatTimestamp(createdMs),
    labels: { ...spec.labels, [locationLabel]: location },
    annotations: {
      ...spec.annotations,
      'run.googleapis.com/ingress-status': 'all',
      'run.googleapis.com/urls': JSON.stringify([url]),
      'serving.knative.dev/creator': creator,
      'serving.knative.dev/lastModifier': lastModifier,
    },
  };
}

/** Of the conditions those of `types`; `as` renames the one that is asked for. */
function progressJson(
  { observedGeneration, conditions }: Service,
  types: readonly string[],
  as?: string,
): JsonObject {
  const chosen = conditions.filter(({ type }) => types.includes(type));
  const named = as === undefined ? chosen : chosen.map((each) => ({ ...each, type: as }));
  return { observedGeneration, conditions: conditionsJson(named) };
}

function latestJson({ latestReadyRevisionId, latestCreatedRevisionId }: Service): JsonObject {
  return {
    ...(latestReadyRevisionId === null ? {} : { latestReadyRevisionName: latestReadyRevisionId }),
    ...(latestCreatedRevisionId === null
      ? {}
      : { latestCreatedRevisionName: latestCreatedRevisionId }),
  };
}

function addressJson(service: Service): JsonObject {
  const { url } = service;
  return { traffic: servedTrafficJson(service), url, address: { url } };
}
