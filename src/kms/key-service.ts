/** Why a key is used, as Key Access Justifications number it (cloudkms.v1 AccessReason). */
export type AccessReason = 'CUSTOMER_INITIATED_ACCESS' | 'GOOGLE_INITIATED_SYSTEM_OPERATION';

/** Who calls, and on whose behalf; ends up in the audit log. */
export interface KeyCaller {
  /**
   * A principal: `serviceAccount:service-N@gcp-sa-pubsub.iam.gserviceaccount.com`, or `service:`
   * for the default key on the service's own behalf.
   */
  readonly member: string;
  readonly reason: AccessReason;
  /** The resource for which the key is used: a topic's full name, say. */
  readonly resource?: string;
}

export interface EncryptRequest {
  /** A CryptoKey (its primary version is used) or a CryptoKeyVersion. */
  readonly name: string;
  /** At most 64 KiB. */
  readonly plaintext: Uint8Array;
  /** At most 64 KiB. */
  readonly additionalAuthenticatedData: Uint8Array;
}

export interface EncryptResponse {
  /** The CryptoKeyVersion that was used. */
  readonly name: string;
  readonly ciphertext: Uint8Array;
}

export interface DecryptRequest {
  /** A CryptoKey; the version is recorded in the ciphertext. */
  readonly name: string;
  readonly ciphertext: Uint8Array;
  readonly additionalAuthenticatedData: Uint8Array;
}

export interface DecryptResponse {
  /** The caller owns these bytes and overwrites them as soon as it can. */
  readonly plaintext: Uint8Array;
  /** The CryptoKeyVersion that was used. */
  readonly name: string;
}

/** Something happened that may change what a key can do. Pushed at once by the embedded service. */
export interface KeyChange {
  /** The CryptoKey concerned, or the prefix (ring, project) under which all are. */
  readonly resource: string;
  readonly kind: 'versionState' | 'primary' | 'iam';
}

/**
 * The port through which broker and vault use keys: the embedded service, or a remote Cloud KMS.
 *
 * Both calls throw RpcError with Cloud KMS's codes and texts: FAILED_PRECONDITION for a version
 * that is not enabled, PERMISSION_DENIED without the role, NOT_FOUND, INVALID_ARGUMENT; and
 * UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED when it could not be asked.
 * Integrity (CRC32C both ways) is checked inside an implementation that crosses a wire.
 */
export interface KeyService {
  encrypt(request: EncryptRequest, caller: KeyCaller): Promise<EncryptResponse>;
  decrypt(request: DecryptRequest, caller: KeyCaller): Promise<DecryptResponse>;
  /** The key for resources that name none; its owner is the service itself. */
  readonly defaultKeyName: string;
  /** The Pub/Sub service agent of a project: `serviceAccount:service-N@gcp-sa-pubsub…`. */
  pubsubServiceAgent(projectId: string): Promise<string>;
  /** Calls `listener` after every change that was made durable; returns how to stop. */
  onChange(listener: (change: KeyChange) => void): () => void;
}
