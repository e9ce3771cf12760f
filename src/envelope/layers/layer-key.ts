import type { VaultKeyPurpose } from './key-purposes.ts';

/** To what a vault's DEK belongs. All of it is associated data of the wrap. */
export interface LayerKeyPlace {
  readonly project: string;
  /** The service's uid: random per creation, not its name. */
  readonly serviceUid: string;
  /** The service's full name, as the audit log shows it. */
  readonly serviceName: string;
  /** A CryptoKey's full name; null: the service's own default key. */
  readonly key: string | null;
}

/** A wrapped DEK, as stored. */
export interface StoredLayerKey {
  /** 16 random bytes in hex. */
  readonly id: string;
  readonly project: string;
  readonly serviceUid: string;
  readonly key: string;
  /** The CryptoKeyVersion that wraps it. */
  readonly keyVersion: string;
  readonly createdMs: number;
  readonly rewrappedMs: number | null;
}

/** An unwrapped DEK. Whoever holds it wipes it; handing `bytes.buffer` to a worker moves it there. */
export interface LayerKey {
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes in an ArrayBuffer of their own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Overwrites the bytes; nothing if they were moved. */
  wipe(): void;
}

/** Why a DEK meets the key service; the last two are the operator's, and no purpose is told. */
export type LayerKeyUse = VaultKeyPurpose | 'rewrap' | 'verify';

/** Told of every call of the key service. Must return at once and not throw. */
export interface LayerKeyObserver {
  /** `code`: a status code's name, `OK` among them. */
  keyCall(use: LayerKeyUse, code: string, ms: number): void;
}

export interface LayerKeyRewrap {
  readonly scanned: number;
  readonly rewrapped: number;
  readonly failed: number;
}

/**
 * The DEKs of the vault: one for each (service, key), stored only wrapped. No unwrapped key is
 * kept: each call below that gives one asks the key service exactly once.
 *
 * Calls throw what the key service throws, unchanged, and RpcError DATA_LOSS for a row that was
 * changed, moved or lost. None waits longer than 5 s for an answer (DEADLINE_EXCEEDED).
 */
export interface LayerKeys {
  /** For sealing at a deployment: the place's DEK, made if there is none (docs/vault.md: reasons). */
  forDeploy(place: LayerKeyPlace): Promise<LayerKey>;
  /** For one start of an instance. DATA_LOSS if there is none: NOT_FOUND would speak of its key. */
  forStart(place: LayerKeyPlace): Promise<LayerKey>;
  /** The same for an operator who has what it sealed authenticated. */
  forVerification(place: LayerKeyPlace): Promise<LayerKey>;
  list(): Promise<readonly StoredLayerKey[]>;
  /** Wraps under the key's primary version what is wrapped under another; null: of every key. */
  rewrap(key: string | null): Promise<LayerKeyRewrap>;
  /** Forgets a service's DEKs for good: row, free pages and all. What they seal is noise then. */
  shred(serviceUid: string): Promise<number>;
}
