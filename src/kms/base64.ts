/** Base64, as rows hold bytes. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Only ever of wrapped keys, uids and ciphertext: the result may lie in Node's shared pool. */
export function fromBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
