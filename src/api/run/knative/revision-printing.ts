import { formatTimestamp } from '../../../rpc/index.ts';
import type { Revision } from '../../../vault/index.ts';
import type { JsonObject } from '../../json/json-body.ts';
import { locationLabel } from './annotations.ts';
import { conditionsJson } from './service-printing.ts';
import { apiVersion } from './service-reading.ts';
import { revisionSpecJson } from './template-printing.ts';

/** A Knative Revision. */
export function revisionJson(revision: Revision): JsonObject {
  const { conditions, imageDigest, name, settings, template } = revision;
  const image = imageDigest === null ? undefined : pinned(template.container.image, imageDigest);
  return {
    apiVersion,
    kind: 'Revision',
    metadata: metadataJson(revision),
    spec: revisionSpecJson(template),
    status: {
      observedGeneration: 1,
      conditions: conditionsJson(conditions),
      serviceName: name.serviceId,
      ...(image === undefined ? {} : { imageDigest: image }),
      ...(settings.minInstances === 0 ? {} : { desiredReplicas: settings.minInstances }),
    },
  };
}

function metadataJson(revision: Revision): JsonObject {
  const { name, uid, resourceVersion, createdMs, creator, template } = revision;
  const { project, revisionId, serviceId } = name;
  const annotations = { ...template.annotations, 'serving.knative.dev/creator': creator };
  return {
    name: revisionId,
    namespace: project,
    selfLink: `/apis/${apiVersion}/namespaces/${project}/revisions/${revisionId}`,
    uid,
    resourceVersion,
    generation: 1,
    creationTimestamp: formatTimestamp(createdMs),
    labels: labelsOf(revision),
    annotations,
    ownerReferences: [
      {
        apiVersion,
        kind: 'Configuration',
        name: serviceId,
        uid: revision.serviceUid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}

/** Those of its template, and those by which clients find the revisions of a service. */
function labelsOf({ name, serviceUid, generation, template }: Revision): Record<string, string> {
  const { location, serviceId } = name;
  return {
    ...template.labels,
    [locationLabel]: location,
    'serving.knative.dev/configuration': serviceId,
    'serving.knative.dev/configurationGeneration': String(generation),
    'serving.knative.dev/route': serviceId,
    'serving.knative.dev/service': serviceId,
    'serving.knative.dev/serviceUid': serviceUid,
  };
}

/** `REPOSITORY@sha256:…` of an image given by a tag, a digest, both or neither. */
function pinned(image: string, digest: string): string {
  const [tagged = ''] = image.split('@', 1);
  const colon = tagged.lastIndexOf(':');
  const repository = colon > tagged.lastIndexOf('/') ? tagged.slice(0, colon) : tagged;
  return `${repository}@${digest}`;
}
