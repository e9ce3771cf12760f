import type { RevisionTemplate } from '../../../vault/index.ts';
import type { JsonFields } from '../../sealpost/json-fields.ts';
import { unsupportedField } from '../../unsupported.ts';
import { probeTypeLabel, readAnnotations, readLabels, templateAnnotations } from './annotations.ts';
import { containerFields, readContainer } from './container-reading.ts';
import { refuseFilled } from './knative-fields.ts';
import { metadataFields, refuseOwnership } from './metadata.ts';

const unsupported: readonly string[] = [
  'enableServiceLinks',
  'imagePullSecrets',
  'nodeSelector',
  'runtimeClassName',
  'volumes',
];

const specFields: readonly string[] = [
  ...unsupported,
  'containerConcurrency',
  'containers',
  'serviceAccountName',
  'timeoutSeconds',
];

/** What `spec.template` asks for. */
export function readTemplate(spec: JsonFields): RevisionTemplate {
  const template = spec.message('template', ['metadata', 'spec'], 'RevisionTemplate');
  const inner = template?.message('spec', specFields, 'RevisionSpec');
  if (template === undefined || inner === undefined) {
    throw spec.refuse('template', `${spec.path('template')}.spec must be specified.`);
  }
  refuseFilled(inner, 'Service', unsupported);
  const { revisionId, labels, annotations } = readMetadata(template);
  const { [probeTypeLabel]: probeType, ...ownLabels } = labels;
  const container = onlyContainer(inner);
  const isOurs = probeType === 'Default' || !container.isFilled('startupProbe');
  const serviceAccount = inner.text('serviceAccountName') ?? '';
  return {
    ...(revisionId === '' ? {} : { revisionId }),
    labels: isOurs ? { ...ownLabels, [probeTypeLabel]: 'Default' } : ownLabels,
    annotations,
    container: readContainer(container, isOurs),
    // The service has defaults of its own for zero.
    containerConcurrency: inner.integer('containerConcurrency', 'TYPE_INT32') ?? 0,
    timeoutSeconds: inner.integer('timeoutSeconds', 'TYPE_INT32') ?? 0,
    ...(serviceAccount === '' ? {} : { serviceAccount }),
  };
}

function readMetadata(template: JsonFields): {
  readonly revisionId: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
} {
  const metadata = template.message('metadata', metadataFields, 'ObjectMeta');
  if (metadata === undefined) return { revisionId: '', labels: {}, annotations: {} };
  refuseOwnership(metadata);
  return {
    revisionId: metadata.text('name') ?? '',
    labels: readLabels(metadata),
    annotations: readAnnotations(metadata, templateAnnotations),
  };
}

function onlyContainer(spec: JsonFields): JsonFields {
  const [container, second] = spec.messages('containers', containerFields, 'Container');
  if (second !== undefined) throw unsupportedField('Service', `${spec.path('containers')}[1]`);
  if (container !== undefined) return container;
  throw spec.refuse('containers', `${spec.path('containers')} must have one container.`);
}
