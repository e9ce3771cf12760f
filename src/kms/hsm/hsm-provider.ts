import type { HmacHash, Token } from '../../pkcs11/index.ts';
import { assert, draw, type Entropy } from '../../runtime/index.ts';
import { damagedRowError } from '../kms-error.ts';
import { keyAlgorithms } from '../providers/key-algorithms.ts';
import type {
  Material,
  ProvidedVersion,
  RandomProvider,
  RawKeyProvider,
  Unsealed,
  VersionUse,
} from '../providers/key-provider.ts';
import { askToken } from './hsm-error.ts';
import { boundData, hsmTagBytes, ivBytes, joinSealed, splitSealed } from './hsm-sealing.ts';

export interface HsmProviderOptions {
  readonly token: Token;
  readonly entropy: Entropy;
}

/** Bytes of a key's CKA_ID: random, so that no key that was ever made has the id of another. */
const keyIdBytes = 16;
const blockBytes = 16;

const macHashes: Readonly<Record<string, HmacHash>> = {
  HMAC_SHA1: 'sha1',
  HMAC_SHA224: 'sha224',
  HMAC_SHA256: 'sha256',
  HMAC_SHA384: 'sha384',
  HMAC_SHA512: 'sha512',
};

interface RawUse {
  readonly aad: Uint8Array;
  readonly iv: Uint8Array;
  readonly tagBytes: number;
}

/**
 * Keys on a PKCS#11 token, where they are made and which they never leave: a row holds only the id
 * by which the token finds the key. Destroying a version removes the object from the token.
 *
 * Attestation is left out: what a token says of itself differs from vendor to vendor.
 */
export function hsmProvider(options: HsmProviderOptions): RawKeyProvider & RandomProvider {
  return new HsmProvider(options);
}

class HsmProvider implements RawKeyProvider, RandomProvider {
  readonly level = 'HSM';
  readonly inputBytesMax: number = 8 * 1024;
  readonly limitIsTogether = true;
  readonly #token: Token;
  readonly #entropy: Entropy;

  constructor({ token, entropy }: HsmProviderOptions) {
    this.#token = token;
    this.#entropy = entropy;
  }

  async generate({ name, algorithm }: ProvidedVersion): Promise<Material> {
    const { purpose, keyBytes } = keyAlgorithms[algorithm];
    const keyId = draw(this.#entropy, keyIdBytes);
    const kind = purpose === 'MAC' ? 'hmac' : 'aes';
    await askToken(name, () =>
      this.#token.generateKey({ kind, length: keyBytes, keyId, label: name }),
    );
    return { keyId: Buffer.from(keyId).toString('hex') };
  }

  async seal(use: VersionUse, plaintext: Uint8Array, bound: Uint8Array): Promise<Uint8Array> {
    const iv = draw(this.#entropy, ivBytes);
    const aad = boundData(use.name, bound);
    const input = { keyId: keyIdOf(use), iv, aad, data: plaintext, tagBytes: hsmTagBytes };
    return joinSealed(iv, await askToken(use.name, () => this.#token.gcmEncrypt(input)));
  }

  async unseal(use: VersionUse, sealed: Uint8Array, bound: Uint8Array): Promise<Unsealed | null> {
    const parts = splitSealed(sealed);
    if (parts === null) return null;
    const { iv, body: data } = parts;
    const aad = boundData(use.name, bound);
    const input = { keyId: keyIdOf(use), iv, aad, data, tagBytes: hsmTagBytes };
    const plaintext = await askToken(use.name, () => this.#token.gcmDecrypt(input));
    return plaintext && { plaintext };
  }

  async destroy(material: Material): Promise<void> {
    const name = 'The version';
    await askToken(name, () => this.#token.destroyKey(keyIdOf({ name, material })));
  }

  rawEncrypt(
    use: VersionUse,
    { plaintext: data, ...raw }: RawUse & { readonly plaintext: Uint8Array },
  ): Promise<Uint8Array> {
    const keyId = keyIdOf(use);
    const mode = modeOf(use);
    return askToken(use.name, () =>
      mode === 'gcm'
        ? this.#token.gcmEncrypt({ keyId, ...raw, data })
        : this.#token.blockEncrypt({ keyId, mode, iv: raw.iv, data }),
    );
  }

  async rawDecrypt(
    use: VersionUse,
    { ciphertext: data, ...raw }: RawUse & { readonly ciphertext: Uint8Array },
  ): Promise<Uint8Array | null> {
    const keyId = keyIdOf(use);
    const mode = modeOf(use);
    if (mode === 'cbc' && data.length % blockBytes !== 0) return null;
    return await askToken(use.name, () =>
      mode === 'gcm'
        ? this.#token.gcmDecrypt({ keyId, ...raw, data })
        : this.#token.blockDecrypt({ keyId, mode, iv: raw.iv, data }),
    );
  }

  macSign(use: VersionUse, data: Uint8Array): Promise<Uint8Array> {
    const hash = macHashes[use.algorithm];
    assert(hash !== undefined, 'a version that signs has a MAC algorithm');
    return askToken(use.name, () => this.#token.mac({ keyId: keyIdOf(use), hash, data }));
  }

  randomBytes(length: number): Promise<Uint8Array> {
    return askToken('GenerateRandomBytes', () => this.#token.random(length));
  }
}

function keyIdOf({
  name,
  material,
}: {
  readonly name: string;
  readonly material: Material;
}): Uint8Array {
  const text = material['keyId'] ?? '';
  if (!/^[0-9a-f]{32}$/.test(text)) throw damagedRowError(`the material of ${name}`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function modeOf({ algorithm }: VersionUse): 'gcm' | 'cbc' | 'ctr' {
  const { mode } = keyAlgorithms[algorithm];
  assert(mode !== undefined, 'a version that encrypts raw has a mode');
  return mode === 'GCM' ? 'gcm' : mode === 'CBC' ? 'cbc' : 'ctr';
}
