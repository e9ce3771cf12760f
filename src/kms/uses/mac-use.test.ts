import { describe, expect, test } from 'vitest';
import { type KmsBench, openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import type { KeyAlgorithm, RandomProvider } from '../providers/key-provider.ts';

const data = new TextEncoder().encode('what is signed');
const location = 'projects/p/locations/global';

async function openMac(algorithm: KeyAlgorithm): Promise<{ bench: KmsBench; name: string }> {
  const bench = await openKmsBench();
  const { name } = await bench.service.createCryptoKey(
    {
      parent: ringName,
      id: 'mac',
      purpose: 'MAC',
      labels: {},
      versionTemplate: { protectionLevel: 'SOFTWARE', algorithm },
      skipInitialVersion: false,
    },
    operator,
  );
  return { bench, name: `${name}/cryptoKeyVersions/1` };
}

describe('MacSign and MacVerify', () => {
  test.each([
    ['HMAC_SHA1', 20],
    ['HMAC_SHA224', 28],
    ['HMAC_SHA256', 32],
    ['HMAC_SHA384', 48],
    ['HMAC_SHA512', 64],
  ] as const)(
    '%s makes a MAC of %i bytes that verifies, and no other',
    async (algorithm, length) => {
      const { bench, name } = await openMac(algorithm);
      const { mac, protectionLevel } = await bench.service.macSign(name, data, operator);
      expect(mac).toHaveLength(length);
      expect(protectionLevel).toBe('SOFTWARE');
      const verify = async (signed: Uint8Array, given: Uint8Array) =>
        (await bench.service.macVerify(name, signed, given, operator)).isValid;
      expect(await verify(data, mac)).toBe(true);
      for (let byte = 0; byte < length; byte++) {
        const changed = mac.slice();
        changed[byte]! ^= 1;
        expect(await verify(data, changed)).toBe(false);
      }
      expect(await verify(data.subarray(1), mac)).toBe(false);
      expect(await verify(data, mac.subarray(1))).toBe(false);
      expect(await verify(data, new Uint8Array(0))).toBe(false);
    },
  );

  test('a disabled version neither signs nor verifies', async () => {
    const { bench, name } = await openMac('HMAC_SHA256');
    await bench.service.updateVersion(name, { state: 'DISABLED' }, operator);
    const disabled = { code: 'FAILED_PRECONDITION', reason: 'KEY_DISABLED' };
    await expect(bench.service.macSign(name, data, operator)).rejects.toMatchObject(disabled);
    const verified = bench.service.macVerify(name, data, data, operator);
    await expect(verified).rejects.toMatchObject(disabled);
  });

  test('more than 64 KiB is refused', async () => {
    const { bench, name } = await openMac('HMAC_SHA256');
    await expect(bench.service.macSign(name, new Uint8Array(65_537), operator)).rejects.toThrow(
      'Request field data must have length of at least 0, but not more than 65536.',
    );
  });
});

describe('GenerateRandomBytes', () => {
  test('without an HSM says so', async () => {
    const { service } = await openKmsBench();
    await expect(service.generateRandomBytes(location, 32, 'HSM', operator)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      reason: 'PROTECTION_LEVEL_UNCONFIGURED',
      message: 'The protection level HSM is not configured on this server.',
    });
  });

  test('gives 8 to 1024 bytes of the HSM, and of no other level', async () => {
    const hsm: RandomProvider = {
      level: 'HSM',
      inputBytesMax: 8192,
      limitIsTogether: true,
      generate: async () => ({}),
      seal: async () => new Uint8Array(0),
      unseal: async () => null,
      destroy: async () => undefined,
      randomBytes: async (length) => new Uint8Array(length).fill(7),
    };
    const { service } = await openKmsBench({ providers: { hsm } });
    for (const length of [8, 1024]) {
      const bytes = await service.generateRandomBytes(location, length, 'HSM', operator);
      expect(bytes).toEqual(new Uint8Array(length).fill(7));
    }
    for (const length of [0, 7, 1025, 8.5]) {
      const wrong = service.generateRandomBytes(location, length, 'HSM', operator);
      await expect(wrong).rejects.toThrow('length_bytes must be between 8 and 1024');
    }
    const software = service.generateRandomBytes(location, 32, 'SOFTWARE', operator);
    await expect(software).rejects.toThrow('protection_level must be HSM');
    const nowhere = service.generateRandomBytes('projects/p', 32, 'HSM', operator);
    await expect(nowhere).rejects.toThrow('Request field location');
  });
});
