import type { JsonFields } from '../../sealpost/json-fields.ts';
import { unsupportedField } from '../../unsupported.ts';

/** What the server says of a service in its metadata: ignored when it comes back. */
const ownAnnotations: ReadonlySet<string> = new Set([
  'run.googleapis.com/ingress-status',
  'run.googleapis.com/operation-id',
  'run.googleapis.com/urls',
  'serving.knative.dev/creator',
  'serving.knative.dev/lastModifier',
]);

export const locationLabel = 'cloud.googleapis.com/location';
export const ingressAnnotation = 'run.googleapis.com/ingress';
/** `Default` on a template whose startup probe is the server's, so that it follows the port. */
export const probeTypeLabel = 'run.googleapis.com/startupProbeType';

/** Prefixes whose annotations tell the platform something; all others are their owners' notes. */
const reserved = /^(?:run\.googleapis\.com|(?:[a-z]+\.)?knative\.dev)\//;

/** Notes of clients, kept and given back. */
const notes: readonly string[] = [
  'run.googleapis.com/client-name',
  'run.googleapis.com/client-version',
  'run.googleapis.com/description',
  'run.googleapis.com/launch-stage',
  'client.knative.dev/user-image',
];

/** Reserved annotations that are kept: of any value, or of those given. */
type KeptAnnotations = ReadonlyMap<string, readonly string[] | null>;

const anyOf = (names: readonly string[]): [string, null][] => names.map((name) => [name, null]);

/** On a service. The values are those that change nothing here. */
export const serviceAnnotations: KeptAnnotations = new Map<string, readonly string[] | null>([
  ...anyOf(notes),
  ...anyOf(['run.googleapis.com/maxScale', 'run.googleapis.com/minScale']),
  [ingressAnnotation, ['all']],
  ['run.googleapis.com/invoker-iam-disabled', ['true', 'false']],
  ['run.googleapis.com/default-url-disabled', ['false']],
  ['run.googleapis.com/iap-enabled', ['false']],
  ['run.googleapis.com/scalingMode', ['automatic']],
]);

/** On a template. */
export const templateAnnotations: KeptAnnotations = new Map<string, readonly string[] | null>([
  ...anyOf(notes),
  ...anyOf([
    'autoscaling.knative.dev/maxScale',
    'autoscaling.knative.dev/minScale',
    'run.googleapis.com/encryption-key',
    'run.googleapis.com/encryption-key-shutdown-hours',
    'run.googleapis.com/post-key-revocation-action-type',
  ]),
  ['run.googleapis.com/cpu-throttling', ['true', 'false']],
  ['run.googleapis.com/execution-environment', ['gen1', 'gen2']],
  ['run.googleapis.com/health-check-disabled', ['false']],
  ['run.googleapis.com/sessionAffinity', ['false']],
  ['run.googleapis.com/startup-cpu-boost', ['true', 'false']],
]);

/**
 * The annotations of a `metadata`, without the server's own.
 *
 * @throws RpcError UNIMPLEMENTED for one that asks the platform for what it does not do here
 */
export function readAnnotations(
  metadata: JsonFields,
  kept: KeptAnnotations,
): Record<string, string> {
  const given = metadata.textMap('annotations') ?? {};
  const own = Object.entries(given).filter(([name]) => !ownAnnotations.has(name));
  return Object.fromEntries(
    own.map(([name, value]) => {
      const values = kept.get(name);
      // gcloud writes `True`, Cloud Run `true`.
      const meant = Array.isArray(values) ? value.toLowerCase() : value;
      const isKept =
        values === undefined ? !reserved.test(name) : (values?.includes(meant) ?? true);
      if (isKept) return [name, meant];
      throw unsupportedField('Service', annotationPath(metadata, name, value, values));
    }),
  );
}

/** `metadata.annotations['run.googleapis.com/ingress']: internal`; the value where it matters. */
function annotationPath(
  metadata: JsonFields,
  name: string,
  value: string,
  values: readonly string[] | null | undefined,
): string {
  const shown = name.slice(0, 200).toWellFormed();
  const path = `${metadata.path('annotations')}['${shown}']`;
  return values === undefined ? path : `${path}: ${value.slice(0, 200).toWellFormed()}`;
}

/** The labels of a `metadata`, without those that the server sets. */
export function readLabels(metadata: JsonFields): Record<string, string> {
  const given = metadata.textMap('labels') ?? {};
  const own = Object.entries(given).filter(
    ([name]) => name !== locationLabel && !name.startsWith('serving.knative.dev/'),
  );
  return Object.fromEntries(own);
}
