import type { Container, Probe, RevisionTemplate } from '../../../vault/index.ts';
import type { JsonValue } from '../../json.ts';
import type { JsonObject } from '../../json/json-body.ts';

/** A template as `spec.template` of a service or a configuration. */
export function templateJson(template: RevisionTemplate): JsonObject {
  const { revisionId, labels, annotations } = template;
  return {
    metadata: {
      ...(revisionId === undefined ? {} : { name: revisionId }),
      labels: { ...labels },
      annotations: { ...annotations },
    },
    spec: revisionSpecJson(template),
  };
}

/** The `spec` of a revision, and of a template. */
export function revisionSpecJson(template: RevisionTemplate): JsonObject {
  const { containerConcurrency, timeoutSeconds, serviceAccount, container } = template;
  return {
    containerConcurrency,
    timeoutSeconds,
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    containers: [containerJson(container)],
  };
}

function containerJson(container: Container): JsonObject {
  const { name, image, command, args, workingDir, env, port, portName, limits } = container;
  const { startupProbe, livenessProbe } = container;
  return {
    ...(name === undefined ? {} : { name }),
    image,
    ...(command.length === 0 ? {} : { command: [...command] }),
    ...(args.length === 0 ? {} : { args: [...args] }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ports: [{ name: portName ?? 'http1', containerPort: port }],
    ...(env.length === 0 ? {} : { env: env.map((variable) => ({ ...variable })) }),
    resources: { limits: { ...limits } },
    ...(startupProbe === undefined ? {} : { startupProbe: probeJson(startupProbe) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: probeJson(livenessProbe) }),
  };
}

function probeJson(probe: Probe): JsonValue {
  const { tcpPort, http, initialDelaySeconds, timeoutSeconds } = probe;
  const { periodSeconds, failureThreshold } = probe;
  return {
    ...(initialDelaySeconds === 0 ? {} : { initialDelaySeconds }),
    timeoutSeconds,
    periodSeconds,
    failureThreshold,
    ...(tcpPort === undefined ? {} : { tcpSocket: { port: tcpPort } }),
    ...(http === undefined ? {} : { httpGet: httpGetJson(http) }),
  };
}

function httpGetJson({ path, port, headers }: NonNullable<Probe['http']>): JsonValue {
  return {
    path,
    ...(port === undefined ? {} : { port }),
    ...(headers.length === 0 ? {} : { httpHeaders: headers.map((header) => ({ ...header })) }),
  };
}
