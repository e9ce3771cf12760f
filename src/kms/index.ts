/**
 * kms: key rings, keys, versions, IAM and the root key; KEKs never leave it.
 *
 * Broker and vault know only the KeyService port. Fails closed.
 */
export { checksumOf, verifyChecksum } from './checksums.ts';
export { EmbeddedKeyService } from './embedded-key-service.ts';
export { DestructionGuards } from './keys/destruction-guard.ts';
export type { DeniedListener, EkmCall, EkmObserver } from './external/ekm-client.ts';
export { isTransientKeyError } from './external/ekm-error.ts';
export type {
  EkmAnswer,
  EkmRequest,
  EkmTransport,
  EkmTransportFailure,
} from './external/ekm-transport.ts';
export {
  externalProvider,
  type ExternalProvider,
  type ExternalProviderOptions,
} from './external/external-provider.ts';
export { AutoGrant, type GrantingKeys } from './iam/auto-grant.ts';
export {
  CmekPolicy,
  type CmekProjects,
  type CmekRules,
  type CmekViolation,
  type KeyedResource,
} from './iam/cmek-policy.ts';
export type { IamPolicy, NewBinding, NewIamPolicy } from '../iam/index.ts';
export { operatorMember, serviceMember } from './iam/key-access.ts';
export type {
  CryptoKey,
  CryptoKeyChange,
  CryptoKeyField,
  CryptoKeyVersion,
  DeleteOperation,
  KeyAdministration,
  KeyPurpose,
  NewCryptoKey,
  RetiredResource,
  VersionState,
} from './key-administration.ts';
export type { DestructionGuard, VersionDependents } from './key-administration.ts';
export type { KeyRing } from './keys/key-rings.ts';
export { KeyChanges } from './key-changes.ts';
export type {
  AccessReason,
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  KeyCaller,
  KeyChange,
  KeyService,
} from './key-service.ts';
export { argumentError, unimplementedError } from './kms-error.ts';
export { requireKeyName } from './names.ts';
export type { KmsCall, KmsObserver } from './observer.ts';
export type { KeyAlgorithm, ProtectionLevel } from './providers/key-provider.ts';
export type { Page, PageRequest } from './rows/page.ts';
export type { Project } from './projects.ts';
export { KeyQuotas, type KeyQuotasOptions, type QuotaObserver } from './quotas/key-quotas.ts';
export { reservedProject, reservedProjectError } from './reserved-project.ts';
export { hsmProvider, type HsmProviderOptions } from './hsm/hsm-provider.ts';
export { HeldRootKey } from './root/held-root-key.ts';
export {
  type FileRootKeyOptions,
  openFileRootKey,
  openRootKey,
  type RootKeyOptions,
} from './root/open-root-key.ts';
export { RootKeyError } from './root/root-key-error.ts';
export {
  type ResealRequest,
  RootKeyKeeper,
  type RootKeyKeeperOptions,
} from './root/root-key-keeper.ts';
export { type RootKeyStatus, rootKeyStatusAt } from './root/root-key-status.ts';
export type { WrappedRows } from './root/key-rewrap.ts';
export type { RootKey } from './root/root-key.ts';
export { type SealSource, sealSources } from './root/seals/seal-record.ts';
export type { SealSecrets } from './root/seals/seal-secrets.ts';
export { type KeyServiceOptions, startKeyService } from './start-key-service.ts';
export { keyVerifiable, type KeyVerifiableOptions } from './verification/key-verifiable.ts';
