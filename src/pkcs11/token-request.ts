import type { Pkcs11Fault } from './pkcs11-error.ts';

/** Where a token is, and how to log in to it. */
export interface TokenPlace {
  /** Path of the vendor's PKCS#11 library. */
  readonly library: string;
  /** Its CKA_LABEL, exactly one token's. */
  readonly tokenLabel: string;
  /** A file with the user's PIN, which is read at each login and kept nowhere. */
  readonly pinFile: string;
}

/** `aes` for ciphers, `hmac` for MACs. */
export type KeyKind = 'aes' | 'hmac';
export type HmacHash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

export interface NewTokenKey {
  readonly kind: KeyKind;
  /** Bytes of the key. */
  readonly length: number;
  /** CKA_ID, drawn by the caller; how the key is found again. */
  readonly keyId: Uint8Array;
  /** CKA_LABEL, for people who look at the token. */
  readonly label: string;
}

export interface GcmInput {
  readonly keyId: Uint8Array;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  /** Plaintext, or ciphertext with its tag at the end. */
  readonly data: Uint8Array;
  readonly tagBytes: number;
}

/** CBC without padding, or CTR with the whole block as counter. */
export interface BlockInput {
  readonly keyId: Uint8Array;
  readonly mode: 'cbc' | 'ctr';
  readonly iv: Uint8Array;
  readonly data: Uint8Array;
}

export interface MacInput {
  readonly keyId: Uint8Array;
  readonly hash: HmacHash;
  readonly data: Uint8Array;
}

/** One thing that the token's process is asked to do. */
export type TokenRequest =
  | ({ readonly do: 'open' } & TokenPlace)
  | ({ readonly do: 'generateKey' } & NewTokenKey)
  | { readonly do: 'hasKey' | 'destroyKey'; readonly keyId: Uint8Array }
  | ({ readonly do: 'gcmEncrypt' | 'gcmDecrypt' } & GcmInput)
  | ({ readonly do: 'blockEncrypt' | 'blockDecrypt' } & BlockInput)
  | ({ readonly do: 'mac' } & MacInput)
  | { readonly do: 'random'; readonly length: number };

/** Bytes; a boolean; null for a ciphertext that does not authenticate, or for nothing to say. */
export type TokenResult = Uint8Array | boolean | null;

export type TokenReply =
  | { readonly result: TokenResult }
  | { readonly fault: Pkcs11Fault; readonly message: string };
