/** The part of sodium-native that Sealpost calls; the package ships no types. */
declare module 'sodium-native' {
  interface SodiumNative {
    sodium_malloc(size: number): Uint8Array;
    sodium_memzero(bytes: Uint8Array): void;
    randombytes_buf(bytes: Uint8Array): void;
    crypto_generichash(output: Uint8Array, input: Uint8Array, key: Uint8Array): void;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      sealed: Uint8Array,
      plaintext: Uint8Array,
      associatedData: Uint8Array,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      plaintext: Uint8Array,
      secretNonce: null,
      sealed: Uint8Array,
      associatedData: Uint8Array,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
  }
  const sodium: SodiumNative;
  export type { SodiumNative };
  export default sodium;
}
