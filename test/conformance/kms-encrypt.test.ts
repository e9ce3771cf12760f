import { crc32c } from '../../src/crypto/index.ts';
import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { base64 } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';
import { badField, notEnabled, precondition } from './kms-refusals.ts';

interface Sealed {
  readonly name: string;
  readonly ciphertext: string;
  readonly ciphertextCrc32c: string;
}

const live = useTestedServer();
const plaintext = base64('a data encryption key');
const crc = (encoded: string): string => String(crc32c(Buffer.from(encoded, 'base64')));
const aad = base64('projects/p/topics/t');

describe.each(wireNames)('Encrypt and Decrypt over %s', (wire) => {
  const keys = keyClient(live, wire);

  test('what was encrypted is decrypted, with checksums both ways', async () => {
    const name = await keys.key();
    const sealed = await keys.call<Sealed>('Encrypt', {
      name,
      plaintext,
      plaintextCrc32c: crc(plaintext),
      additionalAuthenticatedData: aad,
      additionalAuthenticatedDataCrc32c: crc(aad),
    });
    expect(sealed).toEqual({
      name: `${name}/cryptoKeyVersions/1`,
      ciphertext: expect.stringMatching(/^CiQA/),
      ciphertextCrc32c: crc(sealed.ciphertext),
      verifiedPlaintextCrc32c: true,
      verifiedAdditionalAuthenticatedDataCrc32c: true,
      protectionLevel: 'SOFTWARE',
    });
    const { ciphertext, ciphertextCrc32c } = sealed;
    const request = { name, ciphertext, ciphertextCrc32c, additionalAuthenticatedData: aad };
    expect(await keys.call('Decrypt', request)).toEqual({
      plaintext,
      plaintextCrc32c: crc(plaintext),
      usedPrimary: true,
      protectionLevel: 'SOFTWARE',
    });
  });

  test('without checksums none is said to be verified; the answer has its own all the same', async () => {
    const name = await keys.key();
    const sealed = await keys.call<Sealed>('Encrypt', { name });
    expect(sealed).not.toHaveProperty('verifiedPlaintextCrc32c');
    expect(sealed.ciphertextCrc32c).toBe(crc(sealed.ciphertext));
    const opened = await keys.call('Decrypt', { name, ciphertext: sealed.ciphertext });
    expect(opened).toEqual({
      plaintextCrc32c: '0',
      usedPrimary: true,
      protectionLevel: 'SOFTWARE',
    });
  });

  test.each(['plaintext', 'additional_authenticated_data'])(
    'a checksum of %s that does not fit: INVALID_ARGUMENT',
    async (field) => {
      const name = await keys.key();
      const given = field === 'plaintext' ? 'plaintextCrc32c' : 'additionalAuthenticatedDataCrc32c';
      expect(await keys.refusal('Encrypt', { name, plaintext, [given]: '1' })).toEqual(
        badField(
          `${field}_crc32c`,
          `The checksum in field ${field}_crc32c did not match the data in field ${field}.`,
        ),
      );
    },
  );

  test('a CryptoKeyVersion may encrypt by its name; Decrypt finds the version by itself', async () => {
    const name = await keys.key();
    await keys.call('CreateCryptoKeyVersion', { parent: name });
    const version = `${name}/cryptoKeyVersions/2`;
    const sealed = await keys.call<Sealed>('Encrypt', { name: version, plaintext });
    expect(sealed.name).toBe(version);
    const opened = await keys.call('Decrypt', { name, ciphertext: sealed.ciphertext });
    expect(opened).toMatchObject({ plaintext });
    expect(opened).not.toHaveProperty('usedPrimary');
  });

  test('other associated data, a changed ciphertext, another key: INVALID_ARGUMENT', async () => {
    const name = await keys.key();
    const { ciphertext } = await keys.call<Sealed>('Encrypt', { name, plaintext });
    const invalid = {
      code: 'INVALID_ARGUMENT',
      message: 'Decryption failed: the ciphertext is invalid.',
      details: [],
    };
    const bound = { name, ciphertext, additionalAuthenticatedData: aad };
    expect(await keys.refusal('Decrypt', bound)).toEqual(invalid);
    const bytes = Buffer.from(ciphertext, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    const changed = bytes.toString('base64');
    expect(await keys.refusal('Decrypt', { name, ciphertext: changed })).toEqual(invalid);
    const other = await keys.key();
    expect(await keys.refusal('Decrypt', { name: other, ciphertext })).toEqual({
      ...invalid,
      message: "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
    });
  });

  test('"The maximum size is 64 KiB" for each of plaintext and associated data', async () => {
    const name = await keys.key();
    const most = Buffer.alloc(65_536).toString('base64');
    await keys.call('Encrypt', { name, plaintext: most, additionalAuthenticatedData: most });
    const more = Buffer.alloc(65_537).toString('base64');
    expect((await keys.refusal('Encrypt', { name, plaintext: more })).code).toBe(
      'INVALID_ARGUMENT',
    );
    const asked = { name, additionalAuthenticatedData: more };
    expect((await keys.refusal('Encrypt', asked)).code).toBe('INVALID_ARGUMENT');
  });

  test('a version that is off decrypts nothing; one beside it does', async () => {
    const name = await keys.key();
    const { ciphertext } = await keys.call<Sealed>('Encrypt', { name, plaintext });
    await keys.call('CreateCryptoKeyVersion', { parent: name });
    await keys.call('UpdateCryptoKeyPrimaryVersion', { name, cryptoKeyVersionId: '2' });
    const version = `${name}/cryptoKeyVersions/1`;
    const cryptoKeyVersion = { name: version, state: 'DISABLED' };
    await keys.call('UpdateCryptoKeyVersion', { cryptoKeyVersion, updateMask: 'state' });
    expect(await keys.refusal('Decrypt', { name, ciphertext })).toEqual(
      notEnabled(version, 'DISABLED'),
    );
    await keys.call('Encrypt', { name, plaintext });
  });

  test('a key without primary version, and one of another purpose: FAILED_PRECONDITION', async () => {
    const name = await keys.key({}, { skipInitialVersionCreation: true });
    expect(await keys.refusal('Encrypt', { name, plaintext })).toEqual(
      precondition(
        'KEY_PRIMARY_VERSION_MISSING',
        name,
        `CryptoKey ${name} does not have a primary version.`,
      ),
    );
    const mac = await keys.key({ purpose: 'MAC', versionTemplate: { algorithm: 'HMAC_SHA256' } });
    const { code } = await keys.refusal('Encrypt', { name: mac, plaintext });
    expect(code).toBe('FAILED_PRECONDITION');
  });

  test('a policy of no reasons denies everybody: "present and empty"', async () => {
    const name = await keys.key({ keyAccessJustificationsPolicy: {} });
    const { code, details } = await keys.refusal('Encrypt', { name, plaintext });
    expect(code).toBe('PERMISSION_DENIED');
    expect(details).toMatchObject([{ domain: 'cloudkms.googleapis.com' }]);
  });
});
