import {
  type AeadKey,
  hkdfSha256,
  keyBytes,
  openRecord,
  sealRecord,
  type SuiteProviders,
  suiteIds,
  wipe,
} from '../../crypto/index.ts';
import type { Entropy } from '../../runtime/index.ts';

/**
 * Seals and opens records under one 32-byte key, by either suite: a store written under XChaCha20
 * opens where XAES is preferred and the reverse. Each suite has a subkey of its own, so that no
 * key bytes ever serve two ciphers.
 */
export class RecordKey {
  readonly #subkeys: ReadonlyMap<number, AeadKey>;
  readonly #preferred: AeadKey;
  readonly #entropy: Entropy;

  /** `bytes` stay the caller's, who wipes them. */
  constructor(bytes: Uint8Array, suites: SuiteProviders, entropy: Entropy) {
    const subkeys = new Map<number, AeadKey>();
    for (const suite of Object.values(suiteIds)) {
      const subkey = importSubkey(bytes, suite, suites);
      if (subkey) subkeys.set(suite, subkey);
    }
    this.#subkeys = subkeys;
    this.#preferred = subkeys.get(suites.preferred.suite)!;
    this.#entropy = entropy;
  }

  seal(associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return sealRecord(this.#preferred, associatedData, plaintext, this.#entropy);
  }

  /** Null if the record was changed, belongs elsewhere, or its suite may not be used here. */
  open(associatedData: Uint8Array, record: Uint8Array): Uint8Array | null {
    const subkey = this.#subkeys.get(record[0] ?? 0);
    return subkey ? openRecord(subkey, associatedData, record) : null;
  }

  destroy(): void {
    for (const subkey of this.#subkeys.values()) subkey.destroy();
  }
}

function importSubkey(
  bytes: Uint8Array,
  suite: number,
  suites: SuiteProviders,
): AeadKey | undefined {
  const provider = suites.for(suite);
  if (!provider) return undefined;
  const info = new TextEncoder().encode(`sealpost/record-key/suite/${suite}`);
  const subkey = hkdfSha256(bytes, new Uint8Array(0), info, keyBytes);
  try {
    return provider.importKey(subkey);
  } finally {
    wipe(subkey);
  }
}
