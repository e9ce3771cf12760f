import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ivBytes = 12;
const tagBytes = 16;

/** A real AES-256-GCM key: a blob is vector, ciphertext and tag. */
export class EkmKey {
  readonly #bytes: Buffer = randomBytes(32);

  wrap(plaintext: Uint8Array, associatedData: Uint8Array): Buffer {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#bytes, iv, { authTagLength: tagBytes });
    cipher.setAAD(associatedData);
    return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** Null if it is not of this key, or for other associated data. */
  unwrap(blob: Uint8Array, associatedData: Uint8Array): Buffer | null {
    if (blob.length < ivBytes + tagBytes) return null;
    const iv = blob.subarray(0, ivBytes);
    const decipher = createDecipheriv('aes-256-gcm', this.#bytes, iv, { authTagLength: tagBytes });
    decipher.setAAD(associatedData);
    decipher.setAuthTag(blob.subarray(-tagBytes));
    try {
      const opened = decipher.update(blob.subarray(ivBytes, -tagBytes));
      return Buffer.concat([opened, decipher.final()]);
    } catch {
      return null;
    }
  }
}
