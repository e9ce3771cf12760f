import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { privateDirectory, testSuites } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import {
  hasSoftHsm,
  makeSoftHsm,
  needsSoftHsm,
  type SoftHsm,
} from '../../../test/support/soft-hsm.ts';
import { silentLogger, SystemClock } from '../../runtime/index.ts';
import type { HeldRootKey } from './held-root-key.ts';
import { openRootKey, type RootKeyOptions } from './open-root-key.ts';
import type { SealSecrets } from './seals/seal-secrets.ts';

const secret = new Uint8Array(32).fill(0x5a);
const wrappingKey = Buffer.alloc(32, 7).toString('base64');
const otherWrappingKey = Buffer.alloc(32, 8).toString('base64');
const utf8 = new TextEncoder();

interface Place {
  readonly home: string;
  readonly path: string;
  readonly dataDir: string;
}

function place(): Place {
  const home = privateDirectory();
  return { home, path: join(home, 'data-keys', 'root-key'), dataDir: join(home, 'data') };
}

function optionsOf(at: Place, more: Partial<RootKeyOptions>): RootKeyOptions {
  return {
    path: at.path,
    dataDir: at.dataDir,
    suites: testSuites,
    entropy: new SeededEntropy(1),
    clock: new SystemClock(),
    log: silentLogger,
    source: 'auto',
    secrets: {},
    ...more,
  };
}

function fileIn(home: string, name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** A source, the secrets that it is sealed by, and others by which it must not open. */
interface Case {
  readonly right: (home: string) => SealSecrets;
  readonly wrong: (home: string) => SealSecrets;
  readonly wrongText: RegExp;
  readonly missingText: RegExp;
}

const passphrase = 'six words drawn by dice, or so\n';

const cases: Readonly<Record<'passphrase' | 'environment' | 'systemd-credential', Case>> = {
  passphrase: {
    right: (home) => ({ passphraseFile: fileIn(home, 'right', passphrase) }),
    wrong: (home) => ({ passphraseFile: fileIn(home, 'wrong', `another ${passphrase}`) }),
    wrongText: /^the passphrase in .*wrong does not open the root key .*give the one that it was/,
    missingText: /sealed by a passphrase: name its file with --root-key-passphrase-file/,
  },
  environment: {
    right: () => ({ environmentKey: utf8.encode(wrappingKey) }),
    wrong: () => ({ environmentKey: utf8.encode(otherWrappingKey) }),
    wrongText: /^the variable SEALPOST_ROOT_KEY does not open the root key/,
    missingText: /the variable SEALPOST_ROOT_KEY, which is not set/,
  },
  'systemd-credential': {
    right: (home) => ({ credentialFile: fileIn(home, 'credential', `${wrappingKey}\n`) }),
    wrong: (home) => ({ credentialFile: fileIn(home, 'other', otherWrappingKey) }),
    wrongText: /other does not open the root key/,
    missingText: /no \$CREDENTIALS_DIRECTORY: start it as a service with LoadCredential=/,
  },
};

const slow = { timeout: 120_000 };

describe.each(Object.entries(cases))('a root key sealed by source %s', slow, (name, source) => {
  const as = name as keyof typeof cases;

  test('opens again by its secret, and holds no key in the clear', async () => {
    const at = place();
    const secrets = source.right(at.home);
    const first = await openRootKey(optionsOf(at, { source: as, secrets }));
    const wrapped = first.wrapKey(secret, 'a');
    const again = await openRootKey(optionsOf(at, { secrets: source.right(at.home) }));
    expect(again.id).toBe(first.id);
    expect(again.unwrapKey(wrapped, 'a')).toEqual(secret);
    const stored = readFileSync(at.path);
    await first.lend(async ({ bytes }) => {
      expect(stored.includes(Buffer.from(bytes))).toBe(false);
      expect(stored.toString('latin1')).not.toContain(Buffer.from(bytes).toString('base64'));
    });
  });

  test('does not open by another secret, nor without one, and nothing changes', async () => {
    const at = place();
    await openRootKey(optionsOf(at, { source: as, secrets: source.right(at.home) }));
    const before = readFileSync(at.path);
    const wrong = optionsOf(at, { secrets: source.wrong(at.home) });
    await expect(openRootKey(wrong)).rejects.toThrow(source.wrongText);
    await expect(openRootKey(optionsOf(at, {}))).rejects.toThrow(source.missingText);
    expect(readFileSync(at.path)).toEqual(before);
    expect(readdirSync(join(at.home, 'data-keys'))).toEqual(['root-key']);
  });

  test('is not made without its secret: nothing is created', async () => {
    const at = place();
    await expect(openRootKey(optionsOf(at, { source: as }))).rejects.toThrow(source.missingText);
    expect(existsSync(join(at.home, 'data-keys'))).toBe(false);
  });

  test('every changed byte is damage, and no wrong secret', async () => {
    const at = place();
    await openRootKey(optionsOf(at, { source: as, secrets: source.right(at.home) }));
    const whole = readFileSync(at.path);
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 1;
      writeFileSync(at.path, changed);
      await expect(openRootKey(optionsOf(at, {})), `byte ${i}`).rejects.toThrow(/is damaged/);
    }
  });

  test('is not started as another source: the message names the right one', async () => {
    const at = place();
    const secrets = source.right(at.home);
    await openRootKey(optionsOf(at, { source: as, secrets }));
    const asFile = optionsOf(at, { source: 'file', secrets });
    const text = `is sealed by source ${as}, not file: start with --root-key-source ${as}, or change`;
    await expect(openRootKey(asFile)).rejects.toThrow(text);
  });
});

describe('a passphrase', slow, () => {
  test.each(['short', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'abcabcabcabcabcabcabcabc'])(
    'like %s is refused as too weak',
    async (text) => {
      const at = place();
      const secrets = { passphraseFile: fileIn(at.home, 'weak', text) };
      const opening = openRootKey(optionsOf(at, { source: 'passphrase', secrets }));
      await expect(opening).rejects.toThrow(/weak is too weak: take at least 16 characters/);
      expect(existsSync(at.path)).toBe(false);
    },
  );

  test('in a file that others may read is refused', async () => {
    const at = place();
    const passphraseFile = fileIn(at.home, 'open', passphrase);
    chmodSync(passphraseFile, 0o644);
    const secrets = { passphraseFile };
    const opening = openRootKey(optionsOf(at, { source: 'passphrase', secrets }));
    await expect(opening).rejects.toThrow(/mode 0644, which lets others in: chmod 0600/);
  });

  test('may be asked for, and is overwritten after its use', async () => {
    const at = place();
    const given = utf8.encode('typed by somebody at night');
    const secrets = { askPassphrase: async () => given };
    const first = await openRootKey(optionsOf(at, { source: 'passphrase', secrets }));
    expect(given).toEqual(new Uint8Array(given.length));
    const file = fileIn(at.home, 'same', 'typed by somebody at night');
    const again = await openRootKey(optionsOf(at, { secrets: { passphraseFile: file } }));
    expect(again.id).toBe(first.id);
  });
});

describe('a wrapping key', () => {
  test.each<[string, Uint8Array]>([
    ['base64', utf8.encode(`${wrappingKey}\n`)],
    ['hexadecimal digits', utf8.encode(Buffer.alloc(32, 7).toString('hex'))],
    ['32 bytes', new Uint8Array(32).fill(7)],
  ])('may be written as %s', async (_, environmentKey) => {
    const at = place();
    const secrets = { environmentKey: utf8.encode(wrappingKey) };
    const first = await openRootKey(optionsOf(at, { source: 'environment', secrets }));
    const again = await openRootKey(optionsOf(at, { secrets: { environmentKey } }));
    expect(again.id).toBe(first.id);
  });

  test.each(['', 'hunter2', 'A'.repeat(44), 'not random, but long enough to be mistaken for it'])(
    'like "%s" is refused',
    async (text) => {
      const at = place();
      const secrets = { environmentKey: utf8.encode(text) };
      const opening = openRootKey(optionsOf(at, { source: 'environment', secrets }));
      await expect(opening).rejects.toThrow(/must be 32 random bytes, as openssl rand -base64 32/);
    },
  );
});

describe.skipIf(!hasSoftHsm)(`a root key sealed by a token ${needsSoftHsm}`, () => {
  let hsm: SoftHsm;

  beforeAll(() => {
    hsm = makeSoftHsm();
  });
  afterAll(() => hsm.remove());

  const open = (at: Place, secrets: SealSecrets): Promise<HeldRootKey> =>
    openRootKey(optionsOf(at, { source: 'pkcs11', secrets }));

  test('opens again by that token, and by no other', async () => {
    const at = place();
    const first = await open(at, { pkcs11: hsm.place });
    const again = await open(at, { pkcs11: hsm.place });
    expect(again.unwrapKey(first.wrapKey(secret, 'a'), 'a')).toEqual(secret);
    const other = hsm.addToken('other');
    const text = /holds no key with CKA_ID .*Is it another token than the root key was sealed by\?/;
    await expect(open(at, { pkcs11: other })).rejects.toThrow(text);
    await expect(open(at, {})).rejects.toThrow(/name it with --pkcs11-library, --pkcs11-token/);
  });

  test('a token that is away is told, and nothing is created', async () => {
    const at = place();
    const pkcs11 = { ...hsm.place, tokenLabel: 'away' };
    await expect(open(at, { pkcs11 })).rejects.toThrow(/no PKCS#11 token with the label away/);
    expect(existsSync(join(at.home, 'data-keys'))).toBe(false);
  });
});
