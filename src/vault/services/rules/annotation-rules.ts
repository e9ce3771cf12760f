import type { RevisionTemplate, ServiceName, ServiceSpec } from '../service.ts';
import { annotationNames as names, maxInstancesDefault } from './settings.ts';
import { isWhole, type Violations } from './violations.ts';

type Pairs = Readonly<Record<string, string>>;

/** Where template annotations stand in a Knative service. */
const templateAnnotations = 'spec.template.metadata.annotations';

const keyName =
  /^projects\/[^/\s]{1,100}\/locations\/([a-z0-9-]{1,63})\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}$/;

const hoursMax = 8_784;
const scaleMax = 1_000;

/** Annotations that would change how a service behaves, were they obeyed. */
const unsupported: readonly (readonly [name: string, what: string, harmless?: string])[] = [
  ['run.googleapis.com/vpc-access-connector', 'VPC connectors are'],
  ['run.googleapis.com/vpc-access-egress', 'VPC egress settings are'],
  ['run.googleapis.com/network-interfaces', 'Direct VPC egress is'],
  ['run.googleapis.com/cloudsql-instances', 'Cloud SQL connections are'],
  ['run.googleapis.com/secrets', 'Secrets are'],
  ['run.googleapis.com/binary-authorization', 'Binary Authorization is'],
  ['run.googleapis.com/binary-authorization-breakglass', 'Binary Authorization is'],
  ['run.googleapis.com/container-dependencies', 'Container dependencies are'],
  ['run.googleapis.com/sessionAffinity', 'Session affinity is', 'false'],
  ['run.googleapis.com/ingress', 'Ingress other than `all` is', 'all'],
  ['run.googleapis.com/scalingMode', 'Manual scaling is', 'automatic'],
  ['run.googleapis.com/manualInstanceCount', 'Manual scaling is'],
  ['run.googleapis.com/iap-enabled', 'Identity-Aware Proxy is', 'false'],
  ['run.googleapis.com/default-url-disabled', 'Disabling the default URL is', 'false'],
  ['run.googleapis.com/base-images', 'Automatic base image updates are'],
  ['run.googleapis.com/sources', 'Source deployments are'],
  ['run.googleapis.com/gpu-zonal-redundancy-disabled', 'GPUs are'],
];

/** Rules of the annotations that we read, and names of those that we do not obey. */
export function checkAnnotations(
  name: ServiceName,
  { annotations, template }: Pick<ServiceSpec, 'annotations' | 'template'>,
  violations: Violations,
): void {
  checkEncryption(name, template, violations);
  checkScale(template.annotations, templateAnnotations, names.minScale, names.maxScale, violations);
  checkScale(
    annotations,
    'metadata.annotations',
    names.serviceMinScale,
    names.serviceMaxScale,
    violations,
  );
  refuseUnsupported(template.annotations, templateAnnotations, violations);
  refuseUnsupported(annotations, 'metadata.annotations', violations);
}

/** The seed: key location equals the service's, the actions, hours of at least 1 with shut-down. */
function checkEncryption(
  { location }: ServiceName,
  { annotations }: RevisionTemplate,
  violations: Violations,
): void {
  const key = annotations[names.key] ?? '';
  checkKeyName(key, location, violations);
  const action = annotations[names.action];
  const hours = annotations[names.hours];
  for (const dependent of [names.action, names.hours]) {
    if (key !== '' || annotations[dependent] === undefined) continue;
    violations.add(path(dependent), `Must not be set without ${names.key}.`);
  }
  if (action !== undefined && action !== 'prevent-new' && action !== 'shut-down') {
    violations.add(
      path(names.action),
      `Invalid value '${action}': must be 'prevent-new' or 'shut-down'.`,
    );
  }
  if (hours === undefined) return;
  if (!isWhole(hours, 1, hoursMax)) {
    const rule = `must be a whole number of hours from 1 to ${hoursMax}`;
    violations.add(path(names.hours), `Invalid value '${hours}': ${rule}.`);
  }
  if (action !== 'shut-down') {
    violations.add(path(names.hours), `May only be set if ${names.action} is 'shut-down'.`);
  }
}

function checkKeyName(key: string, location: string, violations: Violations): void {
  if (key === '') return;
  const match = keyName.exec(key);
  if (match === null) {
    const form = 'projects/PROJECT/locations/LOCATION/keyRings/KEYRING/cryptoKeys/KEY';
    violations.add(path(names.key), `Invalid key name '${key}': must be of the form ${form}.`);
  } else if (match[1] !== location) {
    const text = `Key location '${match[1]}' must match the service's location '${location}'.`;
    violations.add(path(names.key), text);
  }
}

function checkScale(
  annotations: Pairs,
  place: string,
  minName: string,
  maxName: string,
  violations: Violations,
): void {
  const least = annotations[minName] ?? '0';
  const most = annotations[maxName] ?? String(maxInstancesDefault);
  if (!isWhole(least, 0, scaleMax)) {
    const rule = `must be a whole number from 0 to ${scaleMax}`;
    violations.add(`${place}[${minName}]`, `Invalid value '${least}': ${rule}.`);
  } else if (!isWhole(most, 1, scaleMax)) {
    const rule = `must be a whole number from 1 to ${scaleMax}`;
    violations.add(`${place}[${maxName}]`, `Invalid value '${most}': ${rule}.`);
  } else if (annotations[maxName] !== undefined && Number(least) > Number(most)) {
    violations.add(`${place}[${minName}]`, `Must not be greater than ${maxName}, ${most}.`);
  }
}

function refuseUnsupported(annotations: Pairs, place: string, violations: Violations): void {
  for (const [name, what, harmless] of unsupported) {
    const value = annotations[name];
    if (value === undefined || value === '' || value === harmless) continue;
    violations.refuse(`${place}[${name}]`, what);
  }
}

function path(annotation: string): string {
  return `${templateAnnotations}[${annotation}]`;
}
