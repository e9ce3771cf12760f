import { equalBytes } from './bytes.ts';
import {
  type AeadKey,
  type AeadProvider,
  segmentIdBytes,
  type SuiteId,
  suiteIds,
  tagBytes,
} from './suite.ts';

/** One sealing whose result is published; all in hexadecimal. */
interface KnownAnswer {
  readonly key: string;
  /** 24 bytes: a segment id and an index. */
  readonly nonce: string;
  readonly associatedData: string;
  readonly plaintext: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
}

const alphabetNonce = '4142434445464748494a4b4c4d4e4f505152535455565758';

/** XAES: C2SP XAES-256-GCM, "Test vectors". XChaCha: draft-irtf-cfrg-xchacha-03 A.3.1. */
const answers: Record<SuiteId, readonly KnownAnswer[]> = {
  [suiteIds.xaes256Gcm]: [
    {
      key: '01'.repeat(32),
      nonce: alphabetNonce,
      associatedData: '',
      plaintext: '584145532d3235362d47434d',
      sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    },
    {
      key: '03'.repeat(32),
      nonce: alphabetNonce,
      associatedData: '633273702e6f72672f584145532d3235362d47434d',
      plaintext: '584145532d3235362d47434d',
      sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    },
  ],
  [suiteIds.xchacha20Poly1305]: [
    {
      key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
      nonce: '404142434445464748494a4b4c4d4e4f5051525354555657',
      associatedData: '50515253c0c1c2c3c4c5c6c7',
      plaintext:
        '4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a' +
        '204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074' +
        '6865206675747572652c2073756e73637265656e20776f756c642062652069742e',
      sealed:
        'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440b' +
        'f3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f' +
        '3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e' +
        'c0875924c1c7987947deafd8780acf49',
    },
  ],
};

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/**
 * Checks a provider against published answers of its suite, sealing and opening, and that it refuses
 * a changed tag. Returns what went wrong, or null.
 */
export function failedAnswer(provider: AeadProvider): string | null {
  for (const answer of answers[provider.suite]) {
    const key = provider.importKey(hex(answer.key));
    try {
      const failure = failureOf(key, answer);
      if (failure !== null) return failure;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      key.destroy();
    }
  }
  return null;
}

function failureOf(key: AeadKey, answer: KnownAnswer): string | null {
  const nonce = hex(answer.nonce);
  const index = new DataView(nonce.buffer).getBigUint64(segmentIdBytes);
  const cipher = key.segment(nonce.subarray(0, segmentIdBytes));
  const associatedData = hex(answer.associatedData);
  const plaintext = hex(answer.plaintext);

  const sealed = new Uint8Array(plaintext.length + tagBytes);
  cipher.seal(index, associatedData, plaintext, sealed, 0);
  if (!equalBytes(sealed, hex(answer.sealed)))
    return 'sealed other bytes than the published answer';

  const opened = new Uint8Array(plaintext.length);
  const length = cipher.open(index, associatedData, sealed, opened, 0);
  if (length !== plaintext.length || !equalBytes(opened, plaintext))
    return 'did not open the published answer';

  sealed[sealed.length - 1]! ^= 1;
  if (cipher.open(index, associatedData, sealed, opened, 0) !== -1) return 'opened a changed tag';
  return null;
}
