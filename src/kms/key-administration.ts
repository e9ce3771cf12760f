import type { EncryptRequest, AccessReason, KeyCaller } from './key-service.ts';
import type { IamPolicy, NewIamPolicy } from '../iam/index.ts';
import type { KeyRing } from './keys/key-rings.ts';
import type { KeyAlgorithm, ProtectionLevel } from './providers/key-provider.ts';
import type { Page, PageRequest } from './rows/page.ts';

/** Purposes of symmetric keys; the others of the proto answer UNIMPLEMENTED by name. */
export type KeyPurpose = 'ENCRYPT_DECRYPT' | 'RAW_ENCRYPT_DECRYPT' | 'MAC';

/** CryptoKeyVersionState of symmetric keys (cloudkms.v1). */
export type VersionState =
  | 'ENABLED'
  | 'DISABLED'
  | 'DESTROY_SCHEDULED'
  | 'DESTROYED'
  | 'GENERATION_FAILED';

export interface VersionTemplate {
  readonly protectionLevel: ProtectionLevel;
  readonly algorithm: KeyAlgorithm;
}

/** A name for versions. Times are ms since the Unix epoch. */
export interface CryptoKey {
  readonly name: string;
  readonly purpose: KeyPurpose;
  readonly createTimeMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly versionTemplate: VersionTemplate;
  readonly destroyScheduledSeconds: number;
  /** Both or neither: when the next version is made primary, and how often. */
  readonly nextRotationTimeMs?: number;
  readonly rotationPeriodSeconds?: number;
  /** Absent: every reason is allowed; present and empty: none is. */
  readonly allowedAccessReasons?: readonly AccessReason[];
  /** The version that Encrypt uses, in its present state; of ENCRYPT_DECRYPT keys alone. */
  readonly primary?: CryptoKeyVersion;
}

/** One version of a key: the thing that has material and a state. Times as above. */
export interface CryptoKeyVersion {
  readonly name: string;
  readonly state: VersionState;
  readonly protectionLevel: ProtectionLevel;
  readonly algorithm: KeyAlgorithm;
  readonly createTimeMs: number;
  /** Absent in GENERATION_FAILED. */
  readonly generateTimeMs?: number;
  readonly generationFailureReason?: string;
  /** When it will be destroyed; in DESTROY_SCHEDULED alone. */
  readonly destroyTimeMs?: number;
  /** When it was destroyed; in DESTROYED alone. */
  readonly destroyEventTimeMs?: number;
  /** Of EXTERNAL versions. */
  readonly externalKeyUri?: string;
}

export interface NewCryptoKey {
  /** The key ring's name. */
  readonly parent: string;
  readonly id: string;
  readonly purpose: KeyPurpose;
  readonly labels: Readonly<Record<string, string>>;
  readonly versionTemplate: {
    readonly protectionLevel: ProtectionLevel;
    readonly algorithm?: KeyAlgorithm;
  };
  /** 30 days unless given. */
  readonly destroyScheduledSeconds?: number;
  readonly nextRotationTimeMs?: number;
  readonly rotationPeriodSeconds?: number;
  readonly allowedAccessReasons?: readonly AccessReason[];
  readonly skipInitialVersion: boolean;
}

/** What UpdateCryptoKey may change; a field that the mask names and that is absent is cleared. */
export type CryptoKeyField =
  | 'labels'
  | 'next_rotation_time'
  | 'rotation_period'
  | 'version_template'
  | 'key_access_justifications_policy';

export type CryptoKeyChange = Partial<
  Pick<
    NewCryptoKey,
    | 'labels'
    | 'nextRotationTimeMs'
    | 'rotationPeriodSeconds'
    | 'versionTemplate'
    | 'allowedAccessReasons'
  >
>;

/** The name of a key or version that was deleted: it is not used again. */
export interface RetiredResource {
  readonly name: string;
  /** The deleted resource's name. */
  readonly originalResource: string;
  readonly resourceType:
    | 'cloudkms.googleapis.com/CryptoKey'
    | 'cloudkms.googleapis.com/CryptoKeyVersion';
  readonly deleteTimeMs: number;
}

/** A deletion, which is always done at once. */
export interface DeleteOperation {
  /** `projects/P/locations/L/operations/ID`. */
  readonly name: string;
  readonly resourceType: 'CryptoKey' | 'CryptoKeyVersion';
  /** The RetiredResource's name. */
  readonly retiredResource: string;
}

export interface RawEncryptRequest {
  /** A CryptoKeyVersion. */
  readonly name: string;
  readonly plaintext: Uint8Array;
  readonly additionalAuthenticatedData: Uint8Array;
  /** Empty: drawn by the service. */
  readonly initializationVector: Uint8Array;
}

export interface RawEncryptResponse {
  readonly name: string;
  readonly ciphertext: Uint8Array;
  readonly initializationVector: Uint8Array;
  readonly tagBytes: number;
  readonly protectionLevel: ProtectionLevel;
}

export interface RawDecryptRequest extends Omit<RawEncryptRequest, 'plaintext'> {
  readonly ciphertext: Uint8Array;
  /** 0: the algorithm's own, 16 of GCM. */
  readonly tagBytes: number;
}

export interface EncryptAnswer {
  readonly name: string;
  readonly ciphertext: Uint8Array;
  readonly protectionLevel: ProtectionLevel;
}

export interface DecryptAnswer {
  readonly plaintext: Uint8Array;
  readonly name: string;
  readonly usedPrimary: boolean;
  readonly protectionLevel: ProtectionLevel;
  readonly cacheMs?: number;
}

/**
 * Cloud KMS v1 as the API calls it, beside the KeyService port. Every call asks whether `caller`
 * may, is written to the audit log, and throws RpcError with Cloud KMS's codes and texts: NOT_FOUND,
 * ALREADY_EXISTS, INVALID_ARGUMENT, PERMISSION_DENIED, FAILED_PRECONDITION, ABORTED, UNIMPLEMENTED.
 */
export interface KeyAdministration {
  createKeyRing(parent: string, id: string, caller: KeyCaller): Promise<KeyRing>;
  getKeyRing(name: string, caller: KeyCaller): Promise<KeyRing>;
  listKeyRings(parent: string, request: PageRequest, caller: KeyCaller): Promise<Page<KeyRing>>;

  createCryptoKey(key: NewCryptoKey, caller: KeyCaller): Promise<CryptoKey>;
  getCryptoKey(name: string, caller: KeyCaller): Promise<CryptoKey>;
  listCryptoKeys(parent: string, request: PageRequest, caller: KeyCaller): Promise<Page<CryptoKey>>;
  updateCryptoKey(
    name: string,
    change: CryptoKeyChange,
    fields: readonly CryptoKeyField[],
    caller: KeyCaller,
  ): Promise<CryptoKey>;
  updatePrimaryVersion(name: string, version: number, caller: KeyCaller): Promise<CryptoKey>;
  deleteCryptoKey(name: string, caller: KeyCaller): Promise<DeleteOperation>;

  createVersion(
    parent: string,
    version: { readonly state: 'ENABLED' | 'DISABLED'; readonly externalKeyUri?: string },
    caller: KeyCaller,
  ): Promise<CryptoKeyVersion>;
  getVersion(name: string, caller: KeyCaller): Promise<CryptoKeyVersion>;
  listVersions(
    parent: string,
    request: PageRequest,
    caller: KeyCaller,
  ): Promise<Page<CryptoKeyVersion>>;
  /** Enables or disables, or points an EXTERNAL version elsewhere. */
  updateVersion(
    name: string,
    change: { readonly state?: 'ENABLED' | 'DISABLED'; readonly externalKeyUri?: string },
    caller: KeyCaller,
  ): Promise<CryptoKeyVersion>;
  /** `isForced`: even if stored messages depend on it (DestructionGuard). */
  destroyVersion(name: string, isForced: boolean, caller: KeyCaller): Promise<CryptoKeyVersion>;
  restoreVersion(name: string, caller: KeyCaller): Promise<CryptoKeyVersion>;
  deleteVersion(name: string, caller: KeyCaller): Promise<DeleteOperation>;

  getRetiredResource(name: string, caller: KeyCaller): Promise<RetiredResource>;
  listRetiredResources(
    parent: string,
    request: PageRequest,
    caller: KeyCaller,
  ): Promise<Page<RetiredResource>>;
  getOperation(name: string, caller: KeyCaller): Promise<DeleteOperation>;

  /** As KeyService.encrypt and decrypt, with what the API answers beside. */
  encryptAnswer(request: EncryptRequest, caller: KeyCaller): Promise<EncryptAnswer>;
  decryptAnswer(
    request: {
      readonly name: string;
      readonly ciphertext: Uint8Array;
      readonly additionalAuthenticatedData: Uint8Array;
    },
    caller: KeyCaller,
  ): Promise<DecryptAnswer>;
  rawEncrypt(request: RawEncryptRequest, caller: KeyCaller): Promise<RawEncryptResponse>;
  rawDecrypt(
    request: RawDecryptRequest,
    caller: KeyCaller,
  ): Promise<{ readonly plaintext: Uint8Array; readonly protectionLevel: ProtectionLevel }>;
  macSign(
    name: string,
    data: Uint8Array,
    caller: KeyCaller,
  ): Promise<{ readonly mac: Uint8Array; readonly protectionLevel: ProtectionLevel }>;
  macVerify(
    name: string,
    data: Uint8Array,
    mac: Uint8Array,
    caller: KeyCaller,
  ): Promise<{ readonly isValid: boolean; readonly protectionLevel: ProtectionLevel }>;
  /** 8 to 1024 bytes; the protection level must be HSM. */
  generateRandomBytes(
    location: string,
    length: number,
    level: ProtectionLevel,
    caller: KeyCaller,
  ): Promise<Uint8Array>;

  /**
   * Of a key, a key ring, a project (`projects/P`), `organizations/sealpost` or a Pub/Sub resource.
   * Conditions are shown to who asks for version 3; 0 and absent count as 1.
   */
  getIamPolicy(resource: string, caller: KeyCaller, requestedVersion?: number): Promise<IamPolicy>;
  setIamPolicy(resource: string, policy: NewIamPolicy, caller: KeyCaller): Promise<IamPolicy>;
  testIamPermissions(
    resource: string,
    permissions: readonly string[],
    caller: KeyCaller,
  ): Promise<readonly string[]>;
}

/** What depends on a version: asked before it is scheduled for destruction. */
export interface VersionDependents {
  readonly dekCount: number;
  /** Messages that are still stored, acknowledged ones included. */
  readonly messageCount: number;
  readonly byteCount: number;
  /** Full names. */
  readonly topics: readonly string[];
  /** Full names of Cloud Run services whose images its DEKs open. */
  readonly services?: readonly string[];
  /** When the last of them will have expired; null: nothing bounds it. */
  readonly latestExpiryMs: number | null;
}

export interface DestructionGuard {
  dependentsOf(versionName: string): Promise<VersionDependents>;
}
