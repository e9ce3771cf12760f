import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import {
  hasSoftHsm,
  makeSoftHsm,
  needsSoftHsm,
  type SoftHsm,
} from '../../../test/support/soft-hsm.ts';
import { Token } from '../../pkcs11/index.ts';
import { silentLogger, SystemClock } from '../../runtime/index.ts';
import type {
  KeyAlgorithm,
  Material,
  RandomProvider,
  RawKeyProvider,
  VersionUse,
} from '../providers/key-provider.ts';
import { hsmProvider } from './hsm-provider.ts';

const ring = 'projects/p/locations/global/keyRings/r';
const name = `${ring}/cryptoKeys/k/cryptoKeyVersions/1`;
const utf8 = new TextEncoder();
const aad = utf8.encode('projects/p/topics/t');
const dek = new Uint8Array(32).fill(0x5a);

describe.skipIf(!hasSoftHsm)(`keys of protection level HSM ${needsSoftHsm}`, () => {
  let hsm: SoftHsm;
  let token: Token;
  let provider: RawKeyProvider & RandomProvider;

  const open = (): Token =>
    new Token({
      place: hsm.place,
      clock: new SystemClock(),
      log: silentLogger,
      deadlineMs: 30_000,
    });

  const useOf = (material: Material, more: Partial<VersionUse> = {}): VersionUse => ({
    name,
    algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
    material,
    reason: 'REASON_UNSPECIFIED',
    ...more,
  });

  async function made(algorithm: KeyAlgorithm): Promise<VersionUse> {
    return useOf(await provider.generate({ name, algorithm }, null), { algorithm });
  }

  beforeAll(() => {
    hsm = makeSoftHsm();
    token = open();
    provider = hsmProvider({ token, entropy: new SeededEntropy(1) });
  });

  afterAll(() => {
    token.close();
    hsm.remove();
  });

  test('bind the name of the version and the associated data', async () => {
    const use = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    expect(Object.keys(use.material)).toEqual(['keyId']);
    const sealed = await provider.seal(use, dek, aad);
    expect(await provider.unseal(use, sealed, aad)).toEqual({ plaintext: dek });
    expect(await provider.unseal(use, sealed, utf8.encode('other'))).toBeNull();
    expect(await provider.unseal({ ...use, name: `${name}1` }, sealed, aad)).toBeNull();
    const another = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    expect(await provider.unseal(another, sealed, aad)).toBeNull();
    expect(await provider.seal(use, dek, aad)).not.toEqual(sealed);
  });

  test('open nothing in which a bit was changed, nor what is cut short', async () => {
    const use = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    const sealed = await provider.seal(use, dek, aad);
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at]! ^= 0x10;
      expect(await provider.unseal(use, changed, aad), `byte ${at}`).toBeNull();
    }
    for (const length of [0, 1, 28, sealed.length - 1]) {
      expect(await provider.unseal(use, sealed.subarray(0, length), aad)).toBeNull();
    }
  });

  test('take 8 KiB of plaintext and associated data together', async () => {
    expect([provider.inputBytesMax, provider.limitIsTogether]).toEqual([8192, true]);
    const use = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    const [plaintext, bound] = [new Uint8Array(4096).fill(1), new Uint8Array(4096).fill(2)];
    const sealed = await provider.seal(use, plaintext, bound);
    expect(await provider.unseal(use, sealed, bound)).toEqual({ plaintext });
  });

  test('are gone from the token once destroyed, and twice is as good as once', async () => {
    const use = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    const sealed = await provider.seal(use, dek, aad);
    const keyId = new Uint8Array(Buffer.from(use.material['keyId']!, 'hex'));
    expect(await token.hasKey(keyId)).toBe(true);
    await provider.destroy(use.material);
    await provider.destroy(use.material);
    expect(await token.hasKey(keyId)).toBe(false);
    await expect(provider.unseal(use, sealed, aad)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'HSM_KEY_MISSING',
      details: [{ violations: [{ type: 'HSM_KEY_MISSING', subject: name }] }],
    });
  });

  test('open again in another life of the server', async () => {
    const use = await made('GOOGLE_SYMMETRIC_ENCRYPTION');
    const sealed = await provider.seal(use, dek, aad);
    const later = open();
    const again = hsmProvider({ token: later, entropy: new SeededEntropy(2) });
    expect(await again.unseal(use, sealed, aad)).toEqual({ plaintext: dek });
    later.close();
  });

  test.each(['AES_128_GCM', 'AES_256_GCM', 'AES_128_CBC', 'AES_256_CBC', 'AES_128_CTR'] as const)(
    'raw %s opens what it sealed',
    async (algorithm) => {
      const use = await made(algorithm);
      const isGcm = algorithm.endsWith('GCM');
      const iv = new Uint8Array(isGcm ? 12 : 16).fill(3);
      const raw = { iv, aad: isGcm ? aad : new Uint8Array(0), tagBytes: isGcm ? 16 : 0 };
      const ciphertext = await provider.rawEncrypt(use, { ...raw, plaintext: dek });
      expect(ciphertext).toHaveLength(dek.length + raw.tagBytes);
      expect(await provider.rawDecrypt(use, { ...raw, ciphertext })).toEqual(dek);
    },
  );

  test('raw GCM that does not authenticate, and CBC that is no whole block, are null', async () => {
    const gcm = await made('AES_256_GCM');
    const raw = { iv: new Uint8Array(12), aad, tagBytes: 16 };
    const ciphertext = await provider.rawEncrypt(gcm, { ...raw, plaintext: dek });
    ciphertext[0]! ^= 1;
    expect(await provider.rawDecrypt(gcm, { ...raw, ciphertext })).toBeNull();
    const cbc = await made('AES_256_CBC');
    const odd = { iv: new Uint8Array(16), aad: new Uint8Array(0), tagBytes: 0 };
    const short = { ...odd, ciphertext: new Uint8Array(15) };
    expect(await provider.rawDecrypt(cbc, short)).toBeNull();
  });

  test.each(['HMAC_SHA1', 'HMAC_SHA224', 'HMAC_SHA256', 'HMAC_SHA384', 'HMAC_SHA512'] as const)(
    '%s signs the same data the same',
    async (algorithm) => {
      const use = await made(algorithm);
      const tag = await provider.macSign(use, aad);
      expect(await provider.macSign(use, aad)).toEqual(tag);
      expect(await provider.macSign(use, dek)).not.toEqual(tag);
    },
  );

  test('random bytes are the token’s own', async () => {
    const drawn = await provider.randomBytes(1024);
    expect(drawn).toHaveLength(1024);
    expect(await provider.randomBytes(1024)).not.toEqual(drawn);
  });

  test('a token that is away is an outage of that version, not a verdict', async () => {
    const away = new Token({
      place: { ...hsm.place, tokenLabel: 'nobody' },
      clock: new SystemClock(),
      log: silentLogger,
    });
    const without = hsmProvider({ token: away, entropy: new SeededEntropy(3) });
    const use = useOf({ keyId: '00'.repeat(16) });
    await expect(without.seal(use, dek, aad)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'HSM_MISCONFIGURED',
      message: expect.stringContaining(name) as string,
    });
    away.close();
  });

  test('material that is no key id is damage', async () => {
    await expect(provider.seal(useOf({}), dek, aad)).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });
});
