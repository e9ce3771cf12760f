import type { AccessReason } from '../key-service.ts';

/** Where the material of a version is, and what that promises (cloudkms.v1 ProtectionLevel). */
export type ProtectionLevel = 'SOFTWARE' | 'HSM' | 'EXTERNAL';

/** The algorithms of symmetric keys (cloudkms.v1 CryptoKeyVersionAlgorithm). */
export type KeyAlgorithm =
  | 'GOOGLE_SYMMETRIC_ENCRYPTION'
  | 'EXTERNAL_SYMMETRIC_ENCRYPTION'
  | 'AES_128_GCM'
  | 'AES_256_GCM'
  | 'AES_128_CBC'
  | 'AES_256_CBC'
  | 'AES_128_CTR'
  | 'AES_256_CTR'
  | 'HMAC_SHA1'
  | 'HMAC_SHA224'
  | 'HMAC_SHA256'
  | 'HMAC_SHA384'
  | 'HMAC_SHA512';

/** What is stored of a version's material: JSON that is of no use without the provider. */
export type Material = Readonly<Record<string, string>>;

/** A version whose material is to be made or used. */
export interface ProvidedVersion {
  /** The CryptoKeyVersion's full name; bound in whatever protects its material. */
  readonly name: string;
  readonly algorithm: KeyAlgorithm;
}

/** One use of a version, with what an external key manager is told of it. */
export interface VersionUse extends ProvidedVersion {
  readonly material: Material;
  readonly reason: AccessReason;
  /** The resource for which the key is used: a topic's full name, say. */
  readonly resource?: string;
  /** A check of the key's health, not a use on anybody's data. */
  readonly isHealthCheck?: boolean;
}

export interface Unsealed {
  /** The caller owns these bytes and overwrites them as soon as it can. */
  readonly plaintext: Uint8Array;
  /** How long the key's owner lets them be kept (EKM `allowed_cache_duration`); absent: no say. */
  readonly cacheMs?: number;
}

/**
 * The material of one protection level. The key service has checked state, permission, lengths and
 * quota before it asks; a provider knows nothing of them.
 *
 * Throws RpcError: UNAVAILABLE or DEADLINE_EXCEEDED when it could not be asked, RESOURCE_EXHAUSTED
 * when its quota is spent, FAILED_PRECONDITION with PreconditionFailure details when it refuses (and
 * an external key manager that could not be asked, see `isTransientKeyError`), UNIMPLEMENTED for an
 * algorithm that it does not have.
 */
export interface KeyProvider {
  readonly level: ProtectionLevel;
  /** Longest plaintext, and longest associated data; `together`: of both. Bytes. */
  readonly inputBytesMax: number;
  readonly limitIsTogether: boolean;
  /**
   * Makes the material of a new version; for EXTERNAL checks the one that the URI names. What it
   * made and nobody stored is harmless.
   */
  generate(version: ProvidedVersion, external: { readonly uri: string } | null): Promise<Material>;
  /** Seals as its algorithm does; `GOOGLE_SYMMETRIC_ENCRYPTION` binds name and associated data. */
  seal(use: VersionUse, plaintext: Uint8Array, associatedData: Uint8Array): Promise<Uint8Array>;
  /** Null if `sealed` does not authenticate. */
  unseal(use: VersionUse, sealed: Uint8Array, associatedData: Uint8Array): Promise<Unsealed | null>;
  /** Removes the material for good, where it is not in the row. Twice is as good as once. */
  destroy(material: Material): Promise<void>;
}

/**
 * What the purposes RAW_ENCRYPT_DECRYPT and MAC need beside; a provider without it has neither.
 * Vectors, lengths and tags were checked against the algorithm.
 */
export interface RawKeyProvider extends KeyProvider {
  rawEncrypt(
    use: VersionUse,
    input: {
      readonly plaintext: Uint8Array;
      readonly aad: Uint8Array;
      readonly iv: Uint8Array;
      readonly tagBytes: number;
    },
  ): Promise<Uint8Array>;
  /** Null if it does not authenticate (GCM) or is no whole block (CBC). */
  rawDecrypt(
    use: VersionUse,
    input: {
      readonly ciphertext: Uint8Array;
      readonly aad: Uint8Array;
      readonly iv: Uint8Array;
      readonly tagBytes: number;
    },
  ): Promise<Uint8Array | null>;
  macSign(use: VersionUse, data: Uint8Array): Promise<Uint8Array>;
}

/** What GenerateRandomBytes needs: a provider with a generator of its own. */
export interface RandomProvider extends KeyProvider {
  /** The caller owns the bytes. `length`: 8 to 1024. */
  randomBytes(length: number): Promise<Uint8Array>;
}
