/**
 * The key under which all stored keys are wrapped. Its bytes never leave this object.
 *
 * `purpose` is bound in each wrap: what was wrapped for one purpose does not unwrap for another.
 */
export interface RootKey {
  /** 32 hexadecimal digits that name the key, drawn with it; no secret. */
  readonly id: string;
  /** The caller wipes `bytes`. */
  wrapKey(bytes: Uint8Array, purpose: string): Uint8Array;
  /**
   * The caller wipes what it gets.
   *
   * @throws RpcError DATA_LOSS if `wrapped` was changed, wrapped for another purpose, or wrapped by
   * another root key, which the message names.
   */
  unwrapKey(wrapped: Uint8Array, purpose: string): Uint8Array;
  /** Zeroes the key; any later use is a bug. */
  destroy(): void;
}
