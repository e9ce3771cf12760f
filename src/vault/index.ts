/**
 * vault: images under their owners' keys, the services made of them, and the instances that run.
 *
 * No start without an unwrap, no plaintext of a layer on disk; sees keys only through `envelope`
 * and `kms`. It and `broker` never import each other.
 */
export type { ImportReport } from './administration/import-jobs.ts';
export {
  type ImageListing,
  type KeyListing,
  VaultAdministration,
} from './administration/vault-administration.ts';
export { createServiceFront, type FrontOptions, type RunningFront } from './front/front.ts';
export type { FrontTarget, ServiceFront } from './front/service-front.ts';
export { ServiceHosts } from './front/service-hosts.ts';
export type { ImageVault, ImportProgress, StoredImage } from './images/image-vault.ts';
export { imageVerifiable, type ImageVerifiableOptions } from './images/image-verification.ts';
export {
  type ImageVaultOptions,
  openImageVault,
  type OpenImageVault,
} from './images/open-image-vault.ts';
export type { InstanceReport, StartOutcome, StartTimes } from './instances/instances.ts';
export type { KeyPlace, KeyState, KeyWatch } from './keys/key-state.ts';
export type { PendingShutdown, Revocations } from './keys/revocations.ts';
export type { LayerEntry } from './layers/layer-entry.ts';
export { type LayerIndex, readLayerIndex } from './layers/layer-index.ts';
export type { LoggedServiceEntry, LogName, LogSeverity, ServiceLogs } from './logs/service-logs.ts';
export { openObjectStore, type ObjectStoreOptions } from './objects/file-object-store.ts';
export type { VaultObserver } from './observer.ts';
export { createBwrapDriver } from './instances/drivers/bwrap-driver.ts';
export { createRuncDriver } from './instances/drivers/runc-driver.ts';
export type { DriverOptions } from './instances/drivers/sandbox-driver.ts';
export type { InstanceDriver } from './instances/instance-driver.ts';
export { createImageSources, type ImageSourcesOptions } from './registry/image-sources.ts';
export { openVault, type Vault, type VaultOptions, type VaultStatus } from './vault.ts';
export type {
  RunCaller,
  RunList,
  RunPage,
  RunPolicy,
  RunService,
  ServiceChange,
} from './services/run-service.ts';
export type {
  Condition,
  Container,
  EncryptionSettings,
  EnvVariable,
  Probe,
  Revision,
  RevisionName,
  RevisionSettings,
  RevisionTemplate,
  Service,
  ServiceName,
  ServiceSpec,
  TrafficTarget,
} from './services/service.ts';
export { revisionNameOf, serviceNameOf } from './services/service.ts';
