import type {
  EncryptionSettings,
  RevisionSettings,
  RevisionTemplate,
  RevocationAction,
} from '../service.ts';

/** Annotations that change what we do; the first three are the seed's. */
export const annotationNames = {
  key: 'run.googleapis.com/encryption-key',
  action: 'run.googleapis.com/post-key-revocation-action-type',
  hours: 'run.googleapis.com/encryption-key-shutdown-hours',
  minScale: 'autoscaling.knative.dev/minScale',
  maxScale: 'autoscaling.knative.dev/maxScale',
  serviceMinScale: 'run.googleapis.com/minScale',
  serviceMaxScale: 'run.googleapis.com/maxScale',
} as const;

export const maxInstancesDefault = 100;

/** What a template that was validated asks for. */
export function settingsOf(template: RevisionTemplate): RevisionSettings {
  const { annotations } = template;
  return {
    encryption: encryptionOf(annotations),
    minInstances: scaleOf(annotations[annotationNames.minScale], 0),
    maxInstances: scaleOf(annotations[annotationNames.maxScale], maxInstancesDefault),
  };
}

function encryptionOf(annotations: RevisionTemplate['annotations']): EncryptionSettings | null {
  const key = annotations[annotationNames.key];
  if (key === undefined || key === '') return null;
  const action = annotations[annotationNames.action] as RevocationAction | undefined;
  const hours = annotations[annotationNames.hours];
  return {
    key,
    ...(action === undefined ? {} : { action }),
    ...(hours === undefined ? {} : { shutdownHours: Number(hours) }),
  };
}

function scaleOf(text: string | undefined, absent: number): number {
  return text === undefined || text === '' ? absent : Number(text);
}

/**
 * A revision's bounds with those of its service: a service's minimum is kept by each revision that
 * takes traffic, its maximum bounds each.
 */
export function scaledBy(
  settings: RevisionSettings,
  serviceAnnotations: Readonly<Record<string, string>>,
  takesTraffic: boolean,
): RevisionSettings {
  const { minInstances, maxInstances } = settings;
  const least = scaleOf(serviceAnnotations[annotationNames.serviceMinScale], 0);
  const most = scaleOf(serviceAnnotations[annotationNames.serviceMaxScale], maxInstances);
  const bound = Math.min(maxInstances, most);
  const wanted = takesTraffic ? Math.max(minInstances, least) : minInstances;
  return { ...settings, minInstances: Math.min(wanted, bound), maxInstances: bound };
}
