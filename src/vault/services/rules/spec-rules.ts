import type { RevisionTemplate, ServiceName, ServiceSpec, TrafficTarget } from '../service.ts';
import { checkAnnotations } from './annotation-rules.ts';
import { checkContainer, isWithin } from './container-rules.ts';
import { Violations } from './violations.ts';

const idMax = 49;
const revisionIdMax = 63;
const pairsBytesMax = 262_144;
const labelsMax = 64;
/** `TAG---SERVICE` is one label of a host name. */
const taggedMax = 63;
const targetsMax = 100;

/** RFC 1035; three hyphens in a row would read as a traffic tag's host name. */
const dnsLabel = /^(?!.*---)[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedName =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/**
 * Everything that can be said about a specification (with its defaults) without looking at what is
 * stored.
 *
 * @throws RpcError INVALID_ARGUMENT naming every field that breaks a rule, else UNIMPLEMENTED naming
 * those that this server does not obey
 */
export function checkSpec(name: ServiceName, spec: ServiceSpec): void {
  const violations = new Violations();
  checkServiceId(name.serviceId, violations);
  checkPairs('metadata', spec.labels, spec.annotations, violations);
  checkTemplate(name, spec.template, violations);
  checkAnnotations(name, spec, violations);
  checkTraffic(name.serviceId, spec.traffic, violations);
  violations.raise();
}

function checkServiceId(id: string, violations: Violations): void {
  if (dnsLabel.test(id) && id.length <= idMax) return;
  const rule = "use only lowercase letters, numbers and '-', begin with a letter, not end with '-'";
  const text = `Resource name must ${rule} or hold '---', and have at most ${idMax} characters.`;
  violations.add('metadata.name', text);
}

function checkTemplate(
  { serviceId }: ServiceName,
  template: RevisionTemplate,
  violations: Violations,
): void {
  checkRevisionId(serviceId, template.revisionId, violations);
  checkPairs('spec.template.metadata', template.labels, template.annotations, violations);
  checkContainer(template.container, violations);
  const { containerConcurrency, timeoutSeconds, serviceAccount } = template;
  if (!isWithin(containerConcurrency, 1, 1_000)) {
    const field = 'spec.template.spec.containerConcurrency';
    violations.add(field, 'Must be between 1 and 1000.');
  }
  if (!isWithin(timeoutSeconds, 1, 3_600)) {
    const field = 'spec.template.spec.timeoutSeconds';
    violations.add(field, 'Must be between 1 and 3600.');
  }
  if (serviceAccount !== undefined && !/^[^\s@]{1,100}(@[^\s@]{1,200})?$/.test(serviceAccount)) {
    violations.add('spec.template.spec.serviceAccountName', 'Not the email of a service account.');
  }
}

/** The seed: starts with `SERVICE-`; lower case, numbers, `-`; no `-` last; at most 63. */
function checkRevisionId(serviceId: string, id: string | undefined, violations: Violations): void {
  if (id === undefined) return;
  const field = 'spec.template.metadata.name';
  const rules = [
    [id.startsWith(`${serviceId}-`), `Revision name must start with '${serviceId}-'.`],
    [/^[-a-z0-9]*$/.test(id), "Revision name may hold only lowercase letters, numbers and '-'."],
    [!id.endsWith('-'), "Revision name must not end with '-'."],
    [id.length <= revisionIdMax, `Revision name has at most ${revisionIdMax} characters.`],
  ] as const;
  for (const [holds, text] of rules) if (!holds) violations.add(field, text);
}

function checkPairs(
  place: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
  violations: Violations,
): void {
  if (Object.keys(labels).length > labelsMax) {
    violations.add(`${place}.labels`, `At most ${labelsMax} labels.`);
  }
  for (const [name, value] of Object.entries(labels)) {
    if (!qualifiedName.test(name)) violations.add(`${place}.labels`, `Invalid name '${name}'.`);
    if (!labelValue.test(value)) {
      const rule = "only letters, numbers, '-', '_' and '.', at most 63 characters";
      violations.add(`${place}.labels[${name}]`, `Invalid value '${value}': ${rule}.`);
    }
  }
  let bytes = 0;
  for (const [name, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (qualifiedName.test(name)) continue;
    violations.add(`${place}.annotations`, `Invalid name '${name}'.`);
  }
  if (bytes > pairsBytesMax) {
    violations.add(`${place}.annotations`, `At most ${pairsBytesMax} bytes together.`);
  }
}

function checkTraffic(
  serviceId: string,
  traffic: readonly TrafficTarget[],
  violations: Violations,
): void {
  if (traffic.length > targetsMax) violations.add('spec.traffic', `At most ${targetsMax} targets.`);
  const tags = new Set<string>();
  const tagMax = taggedMax - 3 - serviceId.length;
  let total = 0;
  for (const [index, { percent, tag }] of traffic.entries()) {
    total += percent;
    const field = `spec.traffic[${index}]`;
    if (!isWithin(percent, 0, 100)) {
      violations.add(`${field}.percent`, 'Must be between 0 and 100.');
    }
    if (tag === undefined) continue;
    if (!dnsLabel.test(tag) || tag.length > tagMax) {
      const rule = `lowercase letters, numbers and '-', at most ${tagMax} characters`;
      violations.add(`${field}.tag`, `Invalid tag '${tag}': ${rule}.`);
    }
    if (tags.has(tag)) violations.add(`${field}.tag`, `The tag '${tag}' occurs twice.`);
    tags.add(tag);
  }
  if (total !== 100) {
    violations.add('spec.traffic', `Traffic targets must sum to 100 percent, but are ${total}.`);
  }
}
