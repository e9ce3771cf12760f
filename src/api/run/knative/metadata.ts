import type { JsonFields } from '../../sealpost/json-fields.ts';
import { refuseFilled } from './knative-fields.ts';

/** What Kubernetes would act on and Cloud Run does not have. */
const ownership: readonly string[] = [
  'clusterName',
  'deletionGracePeriodSeconds',
  'finalizers',
  'generateName',
  'ownerReferences',
];

/** Those beyond them that only the server sets are known, and not looked at. */
export const metadataFields: readonly string[] = [
  ...ownership,
  'annotations',
  'creationTimestamp',
  'deletionTimestamp',
  'generation',
  'labels',
  'name',
  'namespace',
  'resourceVersion',
  'selfLink',
  'uid',
];

/** @throws RpcError UNIMPLEMENTED for a field of ObjectMeta that only Kubernetes has */
export function refuseOwnership(metadata: JsonFields): void {
  refuseFilled(metadata, 'Service', ownership);
}
