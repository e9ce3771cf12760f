import type { ServiceSpec, TrafficTarget } from '../../../vault/index.ts';
import { parseProjectName } from '../../../rpc/index.ts';
import type { JsonObject } from '../../json/json-body.ts';
import type { JsonFields } from '../../sealpost/json-fields.ts';
import {
  ingressAnnotation,
  locationLabel,
  readAnnotations,
  readLabels,
  serviceAnnotations,
} from './annotations.ts';
import { knativeFields, refuseFilled } from './knative-fields.ts';
import { metadataFields, refuseOwnership } from './metadata.ts';
import { readTemplate } from './template-reading.ts';

/** Where a request is sent to, which its object must agree with. */
export interface ServicePlace {
  readonly project: string;
  readonly location: string;
  /** Empty: the object names the service. */
  readonly serviceId: string;
}

export interface ReadService {
  readonly serviceId: string;
  readonly spec: ServiceSpec;
  readonly resourceVersion?: string;
}

export const apiVersion = 'serving.knative.dev/v1';

/**
 * What a Knative Service asks for. What the server sets in it is ignored, so that a service that was
 * read can be written back.
 *
 * @throws RpcError INVALID_ARGUMENT with the path for what is no Service, UNIMPLEMENTED by name for
 *   what a Service may ask for and gets nowhere here
 */
export function readService(json: JsonObject, place: ServicePlace): ReadService {
  const fields = knativeFields(json, ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  requireText(fields, 'apiVersion', apiVersion);
  requireText(fields, 'kind', 'Service');
  const metadata = fields.message('metadata', metadataFields, 'ObjectMeta');
  const spec = fields.message('spec', ['template', 'traffic'], 'ServiceSpec');
  if (metadata === undefined) throw fields.refuse('metadata', 'metadata must be specified.');
  if (spec === undefined) throw fields.refuse('spec', 'spec must be specified.');
  refuseOwnership(metadata);
  requirePlace(metadata, place);
  const annotations = readAnnotations(metadata, serviceAnnotations);
  const resourceVersion = metadata.text('resourceVersion') ?? '';
  return {
    serviceId: readName(metadata, place),
    spec: {
      labels: readLabels(metadata),
      annotations: { ...annotations, [ingressAnnotation]: 'all' },
      template: readTemplate(spec),
      traffic: readTraffic(spec),
    },
    ...(resourceVersion === '' ? {} : { resourceVersion }),
  };
}

function requireText(fields: JsonFields, name: string, wanted: string): void {
  if (fields.text(name) !== wanted) throw fields.refuse(name, `${name} must be ${wanted}.`);
}

function readName(metadata: JsonFields, { serviceId }: ServicePlace): string {
  const name = metadata.text('name') ?? '';
  if (name === '') throw metadata.refuse('name', 'metadata.name must be specified.');
  if (serviceId === '' || name === serviceId) return name;
  const text = `metadata.name must be ${serviceId}, as in the request's path.`;
  throw metadata.refuse('name', text);
}

function requirePlace(metadata: JsonFields, { project, location }: ServicePlace): void {
  const namespace = metadata.text('namespace') ?? project;
  if (namespace !== project || parseProjectName(`projects/${project}`) === undefined) {
    const text = `metadata.namespace must be ${project}, as in the request's path.`;
    throw metadata.refuse('namespace', text);
  }
  const label = metadata.textMap('labels')?.[locationLabel] ?? location;
  if (label === location) return;
  const text = `The label ${locationLabel} must be ${location}, where the request was sent to.`;
  throw metadata.refuse('labels', text);
}

const targetFields: readonly string[] = [
  'configurationName',
  'latestRevision',
  'percent',
  'revisionName',
  'tag',
  'url',
];

function readTraffic(spec: JsonFields): TrafficTarget[] {
  return spec.messages('traffic', targetFields, 'TrafficTarget').map(readTarget);
}

function readTarget(target: JsonFields): TrafficTarget {
  refuseFilled(target, 'Service', ['configurationName']);
  const revisionId = target.text('revisionName') ?? '';
  const isLatest = target.flag('latestRevision') ?? false;
  if (isLatest === (revisionId !== '')) {
    const text = `${target.path('revisionName')} or latestRevision must be set, and not both.`;
    throw target.refuse('revisionName', text);
  }
  const tag = target.text('tag') ?? '';
  return {
    ...(isLatest ? {} : { revisionId }),
    percent: target.integer('percent', 'TYPE_INT32') ?? 0,
    ...(tag === '' ? {} : { tag }),
  };
}
