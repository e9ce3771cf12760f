import {
  associatedData,
  hmac,
  type MacHash,
  openRecord,
  type RawInput,
  rawDecrypt,
  rawEncrypt,
  sealRecord,
  wipe,
} from '../../crypto/index.ts';
import { assert, draw, type Entropy } from '../../runtime/index.ts';
import { fromBase64, toBase64 } from '../base64.ts';
import type { RootKey } from '../root/root-key.ts';
import { keyAlgorithms } from './key-algorithms.ts';
import type {
  Material,
  ProvidedVersion,
  RawKeyProvider,
  Unsealed,
  VersionUse,
} from './key-provider.ts';

const macHashes: Readonly<Record<string, MacHash>> = {
  HMAC_SHA1: 'sha1',
  HMAC_SHA224: 'sha224',
  HMAC_SHA256: 'sha256',
  HMAC_SHA384: 'sha384',
  HMAC_SHA512: 'sha512',
};

type RawUse = Omit<RawInput, 'key' | 'mode' | 'associatedData'> & { readonly aad: Uint8Array };

/**
 * Keys in this process's memory, each only for the moment of its use: wrapped by the root key for
 * the version's name in the row, unwrapped for one call, zeroed after it.
 */
export class SoftwareProvider implements RawKeyProvider {
  readonly level = 'SOFTWARE';
  readonly inputBytesMax: number = 64 * 1024;
  readonly limitIsTogether = false;
  readonly #rootKey: RootKey;
  readonly #entropy: Entropy;

  constructor(rootKey: RootKey, entropy: Entropy) {
    this.#rootKey = rootKey;
    this.#entropy = entropy;
  }

  async generate({ name, algorithm }: ProvidedVersion): Promise<Material> {
    const key = draw(this.#entropy, keyAlgorithms[algorithm].keyBytes);
    try {
      return { wrappedKey: toBase64(this.#rootKey.wrapKey(key, versionPurpose(name))) };
    } finally {
      wipe(key);
    }
  }

  async seal(use: VersionUse, plaintext: Uint8Array, bound: Uint8Array): Promise<Uint8Array> {
    return this.#withKey(use, (key) =>
      sealRecord(key, sealContext(use.name, bound), plaintext, this.#entropy),
    );
  }

  async unseal(use: VersionUse, sealed: Uint8Array, bound: Uint8Array): Promise<Unsealed | null> {
    const plaintext = this.#withKey(use, (key) =>
      openRecord(key, sealContext(use.name, bound), sealed),
    );
    return plaintext && { plaintext };
  }

  /** The row was the only place. */
  async destroy(): Promise<void> {}

  async rawEncrypt(
    use: VersionUse,
    input: RawUse & { readonly plaintext: Uint8Array },
  ): Promise<Uint8Array> {
    return this.#withKey(use, (key) => rawEncrypt(rawInput(use, key, input), input.plaintext));
  }

  async rawDecrypt(
    use: VersionUse,
    input: RawUse & { readonly ciphertext: Uint8Array },
  ): Promise<Uint8Array | null> {
    return this.#withKey(use, (key) => rawDecrypt(rawInput(use, key, input), input.ciphertext));
  }

  async macSign(use: VersionUse, data: Uint8Array): Promise<Uint8Array> {
    const hash = macHashes[use.algorithm];
    assert(hash !== undefined, 'a version that signs has a MAC algorithm');
    return this.#withKey(use, (key) => hmac(hash, key, data));
  }

  /** @throws RpcError DATA_LOSS if the stored material does not open */
  #withKey<T>({ name, material }: VersionUse, use: (key: Uint8Array) => T): T {
    const wrapped = fromBase64(material['wrappedKey'] ?? '');
    const key = this.#rootKey.unwrapKey(wrapped, versionPurpose(name));
    try {
      return use(key);
    } finally {
      wipe(key);
    }
  }
}

function rawInput(use: VersionUse, key: Uint8Array, { aad, iv, tagBytes }: RawUse): RawInput {
  const { mode } = keyAlgorithms[use.algorithm];
  assert(mode !== undefined, 'a version that encrypts raw has a mode');
  return { mode, key, iv, tagBytes, associatedData: aad };
}

/** `bound` is length-prefixed already: what follows is as if all had been joined at once. */
function sealContext(name: string, bound: Uint8Array): Uint8Array {
  const domain = associatedData(['sealpost/kms/encrypt/v1', name]);
  const context = new Uint8Array(domain.length + bound.length);
  context.set(domain);
  context.set(bound, domain.length);
  return context;
}

/** What the wrap of a version's key binds. */
export function versionPurpose(name: string): string {
  return `kms/version/${name}`;
}
