/** Why a key is used, as Key Access Justifications name it (cloudkms.v1 AccessReason). */
export type AccessReason =
  | 'REASON_UNSPECIFIED'
  | 'CUSTOMER_INITIATED_SUPPORT'
  | 'GOOGLE_INITIATED_SERVICE'
  | 'THIRD_PARTY_DATA_REQUEST'
  | 'GOOGLE_INITIATED_REVIEW'
  | 'CUSTOMER_INITIATED_ACCESS'
  | 'GOOGLE_INITIATED_SYSTEM_OPERATION'
  | 'REASON_NOT_EXPECTED'
  | 'MODIFIED_CUSTOMER_INITIATED_ACCESS'
  | 'MODIFIED_GOOGLE_INITIATED_SYSTEM_OPERATION'
  | 'GOOGLE_RESPONSE_TO_PRODUCTION_ALERT'
  | 'CUSTOMER_AUTHORIZED_WORKFLOW_SERVICING';

/** Who calls, and on whose behalf; ends up in the audit log. */
export interface KeyCaller {
  /**
   * A principal: `serviceAccount:service-N@gcp-sa-pubsub.iam.gserviceaccount.com`, or `service:`
   * for the default key on the service's own behalf.
   */
  readonly member: string;
  /** Of a call through the API: who made it, as the audit log names him. */
  readonly principalEmail?: string;
  readonly reason: AccessReason;
  /** The resource for which the key is used: a topic's full name, say. */
  readonly resource?: string;
  /** What the service says it needs the key for: the audit reasons of the Run seed. */
  readonly purpose?: string;
  /** A check of the key's health, not a use on anybody's data. */
  readonly isHealthCheck?: boolean;
  /** Where a call through the API came from. */
  readonly callerIp?: string;
  readonly userAgent?: string;
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
  /** How long the key's owner lets the plaintext be kept; absent: no say. */
  readonly cacheMs?: number;
}

/** Something happened that may change what a key can do. Pushed at once by the embedded service. */
export interface KeyChange {
  /**
   * The CryptoKey concerned, or the prefix (ring, `projects/P`) under which all are; empty: any
   * key, because what changed meanwhile went unheard.
   */
  readonly resource: string;
  readonly kind: 'versionState' | 'primary' | 'iam' | 'resync';
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
  /** The Cloud Run service agent of a project: `serviceAccount:service-N@serverless-robot-prod…`. */
  runServiceAgent(projectId: string): Promise<string>;
  /** Calls `listener` after every change that was made durable; returns how to stop. */
  onChange(listener: (change: KeyChange) => void): () => void;
}
