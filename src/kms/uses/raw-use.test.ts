import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KmsBench, openKmsBench, ringName } from '../../../test/support/embedded-kms.ts';
import { operator } from '../../../test/support/operator-keys.ts';
import { argumentError, ciphertextError } from '../kms-error.ts';
import type { KeyAlgorithm } from '../providers/key-provider.ts';

const none = new Uint8Array(0);
const keyOf = (algorithm: string): string => `${ringName}/cryptoKeys/${algorithm}`;
const versionOf = (algorithm: string): string => `${keyOf(algorithm)}/cryptoKeyVersions/1`;

async function openRaw(...algorithms: KeyAlgorithm[]): Promise<KmsBench> {
  const bench = await openKmsBench();
  for (const algorithm of algorithms) {
    await bench.service.createCryptoKey(
      {
        parent: ringName,
        id: algorithm,
        purpose: 'RAW_ENCRYPT_DECRYPT',
        labels: {},
        versionTemplate: { protectionLevel: 'SOFTWARE', algorithm },
        skipInitialVersion: false,
      },
      operator,
    );
  }
  return bench;
}

interface Input {
  readonly plaintext?: Uint8Array;
  readonly aad?: Uint8Array;
  readonly iv?: Uint8Array;
}

function encrypt({ service }: KmsBench, algorithm: string, input: Input = {}) {
  const request = {
    name: versionOf(algorithm),
    plaintext: input.plaintext ?? new Uint8Array(32),
    additionalAuthenticatedData: input.aad ?? none,
    initializationVector: input.iv ?? none,
  };
  return service.rawEncrypt(request, operator);
}

function decrypt(
  { service }: KmsBench,
  algorithm: string,
  ciphertext: Uint8Array,
  { aad = none, iv = none }: Input,
  tagBytes = 0,
) {
  const request = {
    name: versionOf(algorithm),
    ciphertext,
    additionalAuthenticatedData: aad,
    initializationVector: iv,
    tagBytes,
  };
  return service.rawDecrypt(request, operator);
}

const aes = (['128', '256'] as const).flatMap((bits) =>
  (['GCM', 'CBC', 'CTR'] as const).map((mode) => `AES_${bits}_${mode}` as const),
);

describe('RawEncrypt and RawDecrypt', () => {
  test.each(aes)('%s gives back any plaintext, under a vector of its own', async (algorithm) => {
    const bench = await openRaw(algorithm);
    const isGcm = algorithm.endsWith('GCM');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), fc.uint8Array(), async (bytes, extra) => {
        const length = algorithm.endsWith('CBC') ? bytes.length & ~15 : bytes.length;
        const plaintext = bytes.subarray(0, length);
        const aad = isGcm ? extra : none;
        const answer = await encrypt(bench, algorithm, { plaintext, aad });
        expect(answer.initializationVector).toHaveLength(isGcm ? 12 : 16);
        expect(answer).toMatchObject({ tagBytes: isGcm ? 16 : 0, protectionLevel: 'SOFTWARE' });
        expect(answer.ciphertext).toHaveLength(length + answer.tagBytes);
        const iv = answer.initializationVector;
        const opened = await decrypt(bench, algorithm, answer.ciphertext, { aad, iv });
        expect(opened).toEqual({ plaintext, protectionLevel: 'SOFTWARE' });
      }),
      { numRuns: 20 },
    );
  });

  test('another vector, other data or a changed bit does not authenticate under GCM', async () => {
    const bench = await openRaw('AES_256_GCM');
    const aad = new Uint8Array(3);
    const { ciphertext, initializationVector: iv } = await encrypt(bench, 'AES_256_GCM', { aad });
    const changed = ciphertext.slice();
    changed[0]! ^= 1;
    for (const [bytes, more] of [
      [changed, { aad, iv }],
      [ciphertext, { aad: none, iv }],
      [ciphertext, { aad, iv: new Uint8Array(12) }],
      [ciphertext.subarray(0, 15), { aad, iv }],
    ] as const) {
      await expect(decrypt(bench, 'AES_256_GCM', bytes, more)).rejects.toEqual(ciphertextError());
    }
  });

  test('a vector of the caller is used by CBC and CTR, and refused by GCM', async () => {
    const bench = await openRaw('AES_128_GCM', 'AES_128_CBC', 'AES_128_CTR');
    const iv = new Uint8Array(16).fill(9);
    for (const algorithm of ['AES_128_CBC', 'AES_128_CTR']) {
      expect((await encrypt(bench, algorithm, { iv })).initializationVector).toEqual(iv);
      const length = encrypt(bench, algorithm, { iv: new Uint8Array(12) });
      await expect(length).rejects.toThrow('must have length 16');
    }
    const gcm = encrypt(bench, 'AES_128_GCM', { iv: new Uint8Array(12) });
    await expect(gcm).rejects.toEqual(
      argumentError(
        'initialization_vector',
        'Request field initialization_vector must be empty for AES-GCM: it is generated.',
      ),
    );
  });

  test('associated data is for GCM alone, and CBC takes whole blocks alone', async () => {
    const bench = await openRaw('AES_256_CBC', 'AES_256_CTR');
    for (const algorithm of ['AES_256_CBC', 'AES_256_CTR']) {
      await expect(encrypt(bench, algorithm, { aad: new Uint8Array(1) })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('additional_authenticated_data must be empty'),
      });
    }
    const odd = encrypt(bench, 'AES_256_CBC', { plaintext: new Uint8Array(17) });
    await expect(odd).rejects.toThrow('multiple of 16 bytes');
    const iv = new Uint8Array(16);
    const cut = decrypt(bench, 'AES_256_CBC', new Uint8Array(17), { iv });
    await expect(cut).rejects.toThrow('multiple of 16 bytes');
  });

  test('a tag length is 12 to 16 for GCM, and 0 for the others', async () => {
    const bench = await openRaw('AES_256_GCM', 'AES_256_CTR');
    const { ciphertext, initializationVector: iv } = await encrypt(bench, 'AES_256_GCM');
    expect((await decrypt(bench, 'AES_256_GCM', ciphertext, { iv }, 16)).plaintext).toHaveLength(
      32,
    );
    for (const tagBytes of [-1, 4, 11, 17, 12.5]) {
      const wrong = decrypt(bench, 'AES_256_GCM', ciphertext, { iv }, tagBytes);
      await expect(wrong).rejects.toThrow('tag_length must be between 12 and 16');
    }
    const tagged = decrypt(bench, 'AES_256_CTR', ciphertext, { iv: new Uint8Array(16) }, 16);
    await expect(tagged).rejects.toThrow('tag_length must be 0 for AES-CTR');
  });

  test('64 KiB fit, and one byte more does not', async () => {
    const bench = await openRaw('AES_256_GCM');
    const plaintext = new Uint8Array(65_536).fill(1);
    const answer = await encrypt(bench, 'AES_256_GCM', { plaintext });
    const iv = answer.initializationVector;
    expect((await decrypt(bench, 'AES_256_GCM', answer.ciphertext, { iv })).plaintext).toEqual(
      plaintext,
    );
    const long = encrypt(bench, 'AES_256_GCM', { plaintext: new Uint8Array(65_537) });
    await expect(long).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a key of another purpose refuses, each way', async () => {
    const bench = await openRaw('AES_256_GCM');
    const name = versionOf('AES_256_GCM');
    const mismatch = { code: 'FAILED_PRECONDITION', reason: 'KEY_PURPOSE_MISMATCH' };
    const cipher = { plaintext: none, additionalAuthenticatedData: none };
    await expect(bench.service.encrypt({ name, ...cipher }, operator)).rejects.toMatchObject(
      mismatch,
    );
    await expect(bench.service.macSign(name, none, operator)).rejects.toMatchObject(mismatch);
    const symmetric = `${ringName}/cryptoKeys/k/cryptoKeyVersions/1`;
    const raw = { name: symmetric, ...cipher, initializationVector: none };
    await expect(bench.service.rawEncrypt(raw, operator)).rejects.toMatchObject(mismatch);
    const primary = bench.service.updatePrimaryVersion(keyOf('AES_256_GCM'), 1, operator);
    await expect(primary).rejects.toMatchObject(mismatch);
    expect(await bench.service.getCryptoKey(keyOf('AES_256_GCM'), operator)).not.toHaveProperty(
      'primary',
    );
  });
});
