import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { crc32c } from '../../src/crypto/index.ts';
import { keyClient } from '../support/key-client.ts';
import { base64 } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badField, notEnabled } from './kms-refusals.ts';

interface Raw {
  readonly ciphertext: string;
  readonly initializationVector: string;
  readonly tagLength?: number;
}

const live = useTestedServer();
const plaintext = base64('sixteen bytes ok');
const crc = (encoded: string): string => String(crc32c(Buffer.from(encoded, 'base64')));

describe.each(wireNames)('RawEncrypt and RawDecrypt over %s', (wire) => {
  const keys = keyClient(live, wire);
  const rawVersion = async (algorithm: string): Promise<string> => {
    const purpose = 'RAW_ENCRYPT_DECRYPT';
    return `${await keys.key({ purpose, versionTemplate: { algorithm } })}/cryptoKeyVersions/1`;
  };

  test.each(['AES_128_GCM', 'AES_256_GCM'])(
    '%s: the vector is drawn, the tag is 16 bytes, the associated data is bound',
    async (algorithm) => {
      const name = await rawVersion(algorithm);
      const additionalAuthenticatedData = base64('bound');
      const sealed = await keys.call<Raw>('RawEncrypt', {
        name,
        plaintext,
        plaintextCrc32c: crc(plaintext),
        additionalAuthenticatedData,
      });
      const { ciphertext, initializationVector } = sealed;
      expect(sealed).toEqual({
        name,
        ciphertext,
        ciphertextCrc32c: crc(ciphertext),
        initializationVector,
        initializationVectorCrc32c: crc(initializationVector),
        tagLength: 16,
        verifiedPlaintextCrc32c: true,
        protectionLevel: 'SOFTWARE',
      });
      expect(Buffer.from(initializationVector, 'base64')).toHaveLength(12);
      const request = { name, ciphertext, initializationVector, additionalAuthenticatedData };
      expect(
        await keys.call('RawDecrypt', { ...request, ciphertextCrc32c: crc(ciphertext) }),
      ).toEqual({
        plaintext,
        plaintextCrc32c: crc(plaintext),
        verifiedCiphertextCrc32c: true,
        protectionLevel: 'SOFTWARE',
      });
      const { code } = await keys.refusal('RawDecrypt', {
        name,
        ciphertext,
        initializationVector,
      });
      expect(code).toBe('INVALID_ARGUMENT');
    },
  );

  test.each(['AES_128_CBC', 'AES_256_CBC', 'AES_128_CTR', 'AES_256_CTR'])(
    '%s: a vector of 16 bytes, no tag',
    async (algorithm) => {
      const name = await rawVersion(algorithm);
      const sealed = await keys.call<Raw>('RawEncrypt', { name, plaintext });
      const { ciphertext, initializationVector } = sealed;
      expect(sealed).not.toHaveProperty('tagLength');
      expect(Buffer.from(initializationVector, 'base64')).toHaveLength(16);
      const request = { name, ciphertext, initializationVector };
      expect(await keys.call('RawDecrypt', request)).toMatchObject({ plaintext });
    },
  );

  test.each(['ciphertext', 'initialization_vector'])(
    'a checksum of %s that does not fit',
    async (field) => {
      const name = await rawVersion('AES_256_GCM');
      const { ciphertext, initializationVector } = await keys.call<Raw>('RawEncrypt', {
        name,
        plaintext,
      });
      const given = field === 'ciphertext' ? 'ciphertextCrc32c' : 'initializationVectorCrc32c';
      const request = { name, ciphertext, initializationVector, [given]: 7 };
      expect(await keys.refusal('RawDecrypt', request)).toEqual(
        badField(
          `${field}_crc32c`,
          `The checksum in field ${field}_crc32c did not match the data in field ${field}.`,
        ),
      );
    },
  );
});

describe.each(wireNames)('MacSign and MacVerify over %s', (wire) => {
  const keys = keyClient(live, wire, 'macs');
  const data = base64('to be signed');
  const macVersion = async (algorithm: string): Promise<string> =>
    `${await keys.key({ purpose: 'MAC', versionTemplate: { algorithm } })}/cryptoKeyVersions/1`;

  test.each([
    ['HMAC_SHA1', 'sha1'],
    ['HMAC_SHA224', 'sha224'],
    ['HMAC_SHA256', 'sha256'],
    ['HMAC_SHA384', 'sha384'],
    ['HMAC_SHA512', 'sha512'],
  ])('%s: as long as its hash, and verified', async (algorithm, hash) => {
    const name = await macVersion(algorithm);
    const signed = await keys.call<{ mac: string }>('MacSign', {
      name,
      data,
      dataCrc32c: crc(data),
    });
    const { mac } = signed;
    expect(signed).toEqual({
      name,
      mac,
      macCrc32c: crc(mac),
      verifiedDataCrc32c: true,
      protectionLevel: 'SOFTWARE',
    });
    const length = createHmac(hash, 'k').digest().length;
    expect(Buffer.from(mac, 'base64')).toHaveLength(length);
    expect(
      await keys.call('MacVerify', { name, data, mac, dataCrc32c: crc(data), macCrc32c: crc(mac) }),
    ).toEqual({
      name,
      success: true,
      verifiedSuccessIntegrity: true,
      verifiedDataCrc32c: true,
      verifiedMacCrc32c: true,
      protectionLevel: 'SOFTWARE',
    });
  });

  test('a MAC of other data is no error: success is false, and its integrity field agrees', async () => {
    const name = await macVersion('HMAC_SHA256');
    const { mac } = await keys.call<{ mac: string }>('MacSign', { name, data });
    const answer = await keys.call('MacVerify', { name, data: base64('other'), mac });
    expect(answer).toEqual({ name, protectionLevel: 'SOFTWARE' });
  });

  test('a version that is not enabled signs nothing', async () => {
    const name = await macVersion('HMAC_SHA256');
    const cryptoKeyVersion = { name, state: 'DISABLED' };
    await keys.call('UpdateCryptoKeyVersion', { cryptoKeyVersion, updateMask: 'state' });
    expect(await keys.refusal('MacSign', { name, data })).toEqual(notEnabled(name, 'DISABLED'));
  });
});

describe.each(wireNames)('GenerateRandomBytes over %s', (wire) => {
  const keys = keyClient(live, wire, 'random');

  test('"Currently, only HSM protection level is supported": without an HSM, none', async () => {
    const request = { location: keys.location, lengthBytes: 16 };
    const software = { ...request, protectionLevel: 'SOFTWARE' };
    expect((await keys.refusal('GenerateRandomBytes', software)).code).toBe('INVALID_ARGUMENT');
    const hsm = { ...request, protectionLevel: 'HSM' };
    expect(await keys.refusal('GenerateRandomBytes', hsm)).toEqual({
      code: 'UNIMPLEMENTED',
      message: 'The protection level HSM is not configured on this server.',
      details: [],
    });
    expect(await keys.refusal('GenerateRandomBytes', request)).toEqual(
      badField('protection_level', 'Request field protection_level must be specified.'),
    );
  });
});
