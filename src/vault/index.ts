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
export type { ServiceFront } from './front/service-front.ts';
export type { InstanceReport, StartOutcome, StartTimes } from './instances/instances.ts';
export type { KeyPlace, KeyState, KeyWatch } from './keys/key-state.ts';
export type { PendingShutdown, Revocations } from './keys/revocations.ts';
export type { LayerEntry } from './layers/layer-entry.ts';
export type { LoggedServiceEntry, LogName, LogSeverity, ServiceLogs } from './logs/service-logs.ts';
export type { VaultObserver } from './observer.ts';
export { createBwrapDriver } from './instances/drivers/bwrap-driver.ts';
export { createRuncDriver } from './instances/drivers/runc-driver.ts';
export type { InstanceDriver } from './instances/instance-driver.ts';
export { createImageSources } from './registry/image-sources.ts';
export { openVault, type Vault, type VaultOptions } from './vault.ts';
export type { ServicePolicies } from './services/policy-mirror.ts';
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
export { revisionNameOf } from './services/service.ts';
