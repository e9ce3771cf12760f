import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type KmsBench,
  keyName,
  openKmsBench,
  ringName,
  versionOne,
} from '../../../test/support/embedded-kms.ts';
import { operatorMember } from '../iam/key-access.ts';
import type { KeyCaller } from '../key-service.ts';
import { operatorOf } from '../../../test/support/operator-keys.ts';

const operator: KeyCaller = { member: operatorMember, reason: 'CUSTOMER_INITIATED_ACCESS' };
const none = new Uint8Array(0);
const aad = new TextEncoder().encode('associated');
const secret = new TextEncoder().encode('thirty-two bytes of a secret DEK');

interface Use {
  readonly name?: string;
  readonly plaintext?: Uint8Array;
  readonly aad?: Uint8Array;
  readonly caller?: KeyCaller;
}

function encrypt({ service }: KmsBench, use: Use = {}) {
  const { name = keyName, plaintext = secret, caller = operator } = use;
  return service.encrypt({ name, plaintext, additionalAuthenticatedData: use.aad ?? aad }, caller);
}

function decrypt({ service }: KmsBench, ciphertext: Uint8Array, use: Use = {}) {
  const { name = keyName, caller = operator } = use;
  return service.decrypt({ name, ciphertext, additionalAuthenticatedData: use.aad ?? aad }, caller);
}

const wrongKey = {
  code: 'INVALID_ARGUMENT',
  message: "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
};
const invalid = {
  code: 'INVALID_ARGUMENT',
  message: 'Decryption failed: the ciphertext is invalid.',
};

const tooLong = (field: string): object => ({
  code: 'INVALID_ARGUMENT',
  message:
    `Request field ${field} must have length of at least 0, but not more than 65536. ` +
    'Provided value had length 65537.',
});

describe('Encrypt and Decrypt', () => {
  test('give back any plaintext, under its own associated data only', async () => {
    const bench = await openKmsBench();
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, async (plaintext, one, other) => {
        const { ciphertext, name } = await encrypt(bench, { plaintext, aad: one });
        expect(name).toBe(versionOne);
        const opened = await decrypt(bench, ciphertext, { aad: one });
        expect(opened).toEqual({ plaintext, name: versionOne });
        if (Buffer.compare(one, other) === 0) return;
        await expect(decrypt(bench, ciphertext, { aad: other })).rejects.toMatchObject(invalid);
      }),
      { numRuns: 50 },
    );
  });

  test('a ciphertext begins as those of Cloud KMS do, and never repeats', async () => {
    const bench = await openKmsBench();
    const [one, two] = [await encrypt(bench), await encrypt(bench)];
    expect(Buffer.from(one.ciphertext).toString('base64')).toMatch(/^CiQA/);
    expect(one.ciphertext).not.toEqual(two.ciphertext);
  });

  test.each([0, 1, 85, 86, 87, 16_000, 16_341, 16_342, 16_343, 65_536])(
    '%i bytes fit, whatever the length of their length',
    async (length) => {
      const bench = await openKmsBench();
      const plaintext = new Uint8Array(length).fill(7);
      const { ciphertext } = await encrypt(bench, { plaintext });
      expect((await decrypt(bench, ciphertext)).plaintext).toEqual(plaintext);
    },
  );

  test('one changed bit anywhere is refused', async () => {
    const bench = await openKmsBench();
    const { ciphertext } = await encrypt(bench);
    for (let bit = 0; bit < ciphertext.length * 8; bit++) {
      const changed = ciphertext.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const inKeyUid = bit >> 3 >= 3 && bit >> 3 < 19;
      await expect(decrypt(bench, changed), `bit ${bit}`).rejects.toMatchObject(
        inKeyUid ? wrongKey : invalid,
      );
    }
  });

  test('a ciphertext cut short, lengthened or spelt otherwise is refused', async () => {
    const bench = await openKmsBench();
    const { ciphertext } = await encrypt(bench);
    const longVarint = Buffer.concat([
      ciphertext.subarray(0, 39),
      Buffer.from([ciphertext[39]! | 0x80, 0]),
      ciphertext.subarray(40),
    ]);
    for (let length = 0; length < ciphertext.length; length++) {
      await expect(decrypt(bench, ciphertext.subarray(0, length))).rejects.toMatchObject(invalid);
    }
    for (const wrong of [longVarint, Buffer.concat([ciphertext, Buffer.alloc(1)])]) {
      await expect(decrypt(bench, wrong)).rejects.toMatchObject(invalid);
    }
  });

  test('another key of the ring is the wrong key', async () => {
    const bench = await openKmsBench();
    const other = { parent: ringName, id: 'other', labels: {}, skipInitialVersion: false };
    await operatorOf(bench.service).cryptoKeys.create(other);
    const { ciphertext } = await encrypt(bench);
    const name = `${ringName}/cryptoKeys/other`;
    await expect(decrypt(bench, ciphertext, { name })).rejects.toMatchObject(wrongKey);
  });

  test('after rotation the new version seals and the old one still opens', async () => {
    const bench = await openKmsBench();
    const old = await encrypt(bench);
    await operatorOf(bench.service).versions.create(keyName);
    await operatorOf(bench.service).cryptoKeys.updatePrimaryVersion(keyName, 2);
    const fresh = await encrypt(bench);
    expect(fresh.name).toBe(`${keyName}/cryptoKeyVersions/2`);
    expect((await decrypt(bench, old.ciphertext)).name).toBe(versionOne);
    expect((await decrypt(bench, fresh.ciphertext)).name).toBe(fresh.name);
    expect((await encrypt(bench, { name: versionOne })).name).toBe(versionOne);
  });

  test('more than 64 KiB is refused with the lengths', async () => {
    const bench = await openKmsBench();
    const long = new Uint8Array(65_537);
    await expect(encrypt(bench, { plaintext: long })).rejects.toMatchObject(tooLong('plaintext'));
    const aadText = tooLong('additional_authenticated_data');
    await expect(encrypt(bench, { aad: long })).rejects.toMatchObject(aadText);
    await expect(decrypt(bench, none, { aad: long })).rejects.toMatchObject(aadText);
  });

  test('names of other shapes are refused, and Decrypt takes no version', async () => {
    const bench = await openKmsBench();
    for (const name of [ringName, 'k', '', `${versionOne}/x`, `${keyName}/cryptoKeyVersions/0`]) {
      await expect(encrypt(bench, { name })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(decrypt(bench, none, { name: versionOne })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('a key without a primary version says so', async () => {
    const bench = await openKmsBench();
    const other = { parent: ringName, id: 'bare', labels: {}, skipInitialVersion: true };
    await operatorOf(bench.service).cryptoKeys.create(other);
    const name = `${ringName}/cryptoKeys/bare`;
    await expect(encrypt(bench, { name })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `CryptoKey ${name} does not have a primary version.`,
    });
  });
});

describe('a disabled version', () => {
  test('neither encrypts nor decrypts, with the text and the detail of Cloud KMS', async () => {
    const bench = await openKmsBench();
    const { ciphertext } = await encrypt(bench);
    await operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED');
    const disabled = {
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_DISABLED',
      message: `${versionOne} is not enabled, current state is: DISABLED.`,
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
          violations: [{ type: 'KEY_DISABLED', subject: versionOne }],
        },
      ],
    };
    await expect(encrypt(bench)).rejects.toMatchObject(disabled);
    await expect(encrypt(bench, { name: versionOne })).rejects.toMatchObject(disabled);
    await expect(decrypt(bench, ciphertext)).rejects.toMatchObject(disabled);
    await operatorOf(bench.service).versions.updateState(versionOne, 'ENABLED');
    expect((await decrypt(bench, ciphertext)).plaintext).toEqual(secret);
  });

  test('leaves other versions of the key in use, and may be made primary', async () => {
    const bench = await openKmsBench();
    await operatorOf(bench.service).versions.create(keyName);
    await operatorOf(bench.service).cryptoKeys.updatePrimaryVersion(keyName, 2);
    await operatorOf(bench.service).versions.updateState(versionOne, 'DISABLED');
    const { ciphertext } = await encrypt(bench);
    expect((await decrypt(bench, ciphertext)).plaintext).toEqual(secret);
    const key = await operatorOf(bench.service).cryptoKeys.updatePrimaryVersion(keyName, 1);
    expect(key.primary).toMatchObject({ name: versionOne, state: 'DISABLED' });
    await expect(encrypt(bench)).rejects.toMatchObject({ reason: 'KEY_DISABLED' });
  });
});

async function agentOf({ service }: KmsBench): Promise<KeyCaller> {
  return { member: await service.pubsubServiceAgent('p'), reason: operator.reason };
}

function denied(use: string, name = keyName): object {
  return {
    code: 'PERMISSION_DENIED',
    message: `Permission 'cloudkms.cryptoKeyVersions.${use}' denied on resource '${name}' (or it may not exist).`,
  };
}

describe('a service agent', () => {
  const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

  test('without a binding is denied, and learns nothing of what exists', async () => {
    const bench = await openKmsBench();
    const caller = await agentOf(bench);
    const { ciphertext } = await encrypt(bench);
    await expect(encrypt(bench, { caller })).rejects.toMatchObject(denied('useToEncrypt'));
    await expect(encrypt(bench, { caller, name: versionOne })).rejects.toMatchObject(
      denied('useToEncrypt'),
    );
    await expect(decrypt(bench, ciphertext, { caller })).rejects.toMatchObject(
      denied('useToDecrypt'),
    );
    const missing = `${keyName}x`;
    await expect(encrypt(bench, { caller, name: missing })).rejects.toMatchObject(
      denied('useToEncrypt', missing),
    );
  });

  test.each([
    ['the key', keyName],
    ['its ring', ringName],
  ])('with a binding on %s may use the key until it is taken away', async (_, resource) => {
    const bench = await openKmsBench();
    const caller = await agentOf(bench);
    const bindings = [{ role, members: ['user:a@b.c', caller.member] }];
    await bench.service.policies.set(resource, { bindings }, operator);
    const { ciphertext } = await encrypt(bench, { caller });
    expect((await decrypt(bench, ciphertext, { caller })).plaintext).toEqual(secret);
    await bench.service.policies.set(resource, { bindings: [] }, operator);
    await expect(encrypt(bench, { caller })).rejects.toMatchObject(denied('useToEncrypt'));
    await expect(decrypt(bench, ciphertext, { caller })).rejects.toMatchObject(
      denied('useToDecrypt'),
    );
  });

  test('with half the role has half the use; other roles, rings and members grant nothing', async () => {
    const bench = await openKmsBench();
    const caller = await agentOf(bench);
    const bind = (name: string, member: string, resource = keyName) =>
      bench.service.policies.set(
        resource,
        { bindings: [{ role: `roles/cloudkms.${name}`, members: [member] }] },
        operator,
      );
    const { ciphertext } = await encrypt(bench);
    await bind('cryptoKeyEncrypter', caller.member);
    await expect(encrypt(bench, { caller })).resolves.toBeDefined();
    await expect(decrypt(bench, ciphertext, { caller })).rejects.toMatchObject(
      denied('useToDecrypt'),
    );
    await bind(
      'cryptoKeyDecrypter',
      caller.member.toUpperCase().replace('SERVICEACCOUNT', 'serviceAccount'),
    );
    await expect(decrypt(bench, ciphertext, { caller })).resolves.toBeDefined();
    await expect(encrypt(bench, { caller })).rejects.toMatchObject(denied('useToEncrypt'));
    await bind('admin', caller.member);
    await expect(decrypt(bench, ciphertext, { caller })).rejects.toThrow('denied');
    await bind('cryptoKeyEncrypterDecrypter', `${caller.member}x`);
    await expect(encrypt(bench, { caller })).rejects.toThrow('denied');
    await operatorOf(bench.service).keyRings.create('projects/p/locations/global', 'r2');
    await bind('cryptoKeyEncrypterDecrypter', caller.member, `${ringName}2`);
    await expect(encrypt(bench, { caller })).rejects.toThrow('denied');
    await bind('cryptoKeyEncrypterDecrypter', 'allUsers', ringName);
    await expect(encrypt(bench, { caller })).resolves.toBeDefined();
  });
});
