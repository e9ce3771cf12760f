import type { Container, ServiceSpec } from '../service.ts';

/** What the server says about a service in labels and annotations; clients send it back. */
const serverLabels: ReadonlySet<string> = new Set(['cloud.googleapis.com/location']);
const serverAnnotations: ReadonlySet<string> = new Set([
  'serving.knative.dev/creator',
  'serving.knative.dev/lastModifier',
  'run.googleapis.com/ingress-status',
  'run.googleapis.com/operation-id',
  'run.googleapis.com/urls',
]);

const portDefault = 8080;
const concurrencyDefault = 80;
const timeoutSecondsDefault = 300;

/** The specification as it is kept: Cloud Run's defaults for what was left open. */
export function withDefaults(spec: ServiceSpec, serviceAccount: string): ServiceSpec {
  const { template } = spec;
  return {
    labels: without(spec.labels, serverLabels),
    annotations: without(spec.annotations, serverAnnotations),
    template: {
      ...template,
      container: containerWithDefaults(template.container),
      containerConcurrency: template.containerConcurrency || concurrencyDefault,
      timeoutSeconds: template.timeoutSeconds || timeoutSecondsDefault,
      serviceAccount: template.serviceAccount || serviceAccount,
    },
    traffic: spec.traffic.length > 0 ? spec.traffic : [{ percent: 100 }],
  };
}

function containerWithDefaults(container: Container): Container {
  return {
    ...container,
    port: container.port || portDefault,
    portName: container.portName || 'http1',
    limits: { cpu: '1000m', memory: '512Mi', ...container.limits },
  };
}

function without(
  pairs: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(pairs).filter(([name]) => !names.has(name)));
}

/** One text for equal specifications, whatever the order of their fields. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
