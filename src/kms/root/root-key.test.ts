import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { privateDirectory, testSuites } from '../../../test/support/embedded-kms.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { silentLogger } from '../../runtime/index.ts';
import { openFileRootKey } from './open-root-key.ts';
import type { RootKey } from './root-key.ts';

interface Place {
  readonly home: string;
  readonly path: string;
  readonly dataDir: string;
}

function place(): Place {
  const home = privateDirectory();
  return { home, path: join(home, 'data-keys', 'root-key'), dataDir: join(home, 'data') };
}

function open({ path, dataDir }: Place, seed = 1, warnings: string[] = []): RootKey {
  const log = {
    ...silentLogger,
    warn: (_: unknown, message: string) => void warnings.push(message),
  };
  return openFileRootKey({
    path,
    dataDir,
    suites: testSuites,
    entropy: new SeededEntropy(seed),
    log,
  });
}

const secret = new Uint8Array(32).fill(0x5a);

describe('the root key file', () => {
  test('is made on the first start, for its owner alone, and opens again', () => {
    const at = place();
    const first = open(at);
    expect(statSync(at.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(at.home, 'data-keys')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(at.home, 'data-keys'))).toEqual(['root-key']);
    const again = open(at, 2);
    expect(again.id).toBe(first.id);
    expect(again.unwrapKey(first.wrapKey(secret, 'a'), 'a')).toEqual(secret);
  });

  test('one warning a start says where it is, and shows nothing of it', () => {
    const at = place();
    const warnings: string[] = [];
    open(at, 1, warnings);
    expect(warnings).toEqual([
      `root key ${at.path}: keep a copy apart from the data; without it everything is lost`,
    ]);
  });

  test.each([0o644, 0o640, 0o604, 0o620])('mode %o is refused by name', (mode) => {
    const at = place();
    open(at);
    chmodSync(at.path, mode);
    expect(() => open(at)).toThrow(/has mode 0.*chmod 0600/);
  });

  test('a directory that others may enter is refused', () => {
    const at = place();
    open(at);
    chmodSync(join(at.home, 'data-keys'), 0o755);
    expect(() => open(at)).toThrow(/chmod 0700/);
  });

  test('is refused inside the data directory, through a link too', () => {
    const at = place();
    mkdirSync(at.dataDir);
    symlinkSync(at.dataDir, join(at.home, 'elsewhere'));
    const inside = /must not lie inside/;
    expect(() => open({ ...at, path: join(at.dataDir, 'keys', 'root-key') })).toThrow(inside);
    expect(() => open({ ...at, path: join(at.home, 'elsewhere', 'root-key') })).toThrow(inside);
  });

  test('is not made anew beside data: a lost key must be restored', () => {
    const at = place();
    mkdirSync(at.dataDir);
    writeFileSync(join(at.dataDir, 'data.mdb'), 'x');
    expect(() => open(at)).toThrow(/is missing, but .* is not empty: restore the key/);
  });

  test('is made beside a data directory that was only locked so far', () => {
    const at = place();
    mkdirSync(at.dataDir);
    for (const name of ['lock', 'owner', 'lost+found']) writeFileSync(join(at.dataDir, name), '');
    expect(open(at).id).toMatch(/^[0-9a-f]{32}$/);
  });

  test('every changed byte, and every other length, is damage', () => {
    const at = place();
    open(at);
    const whole = readFileSync(at.path);
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole);
      changed[i]! ^= 1;
      writeFileSync(at.path, changed);
      expect(() => open(at), `byte ${i}`).toThrow(/is damaged/);
    }
    writeFileSync(at.path, whole.subarray(1));
    expect(() => open(at)).toThrow(/is damaged/);
    writeFileSync(at.path, Buffer.concat([whole, whole]));
    expect(() => open(at)).toThrow(/is damaged/);
  });
});

describe('a wrapped key', () => {
  test('does not unwrap for another purpose, under another key, or changed in any bit', () => {
    const key = open(place());
    const wrapped = key.wrapKey(secret, 'a');
    const refusal = expect.objectContaining({ code: 'DATA_LOSS' });
    const attempt = (bytes: Uint8Array, purpose: string, by: RootKey = key): unknown => {
      try {
        return by.unwrapKey(bytes, purpose);
      } catch (error) {
        return error;
      }
    };
    expect(attempt(wrapped, 'b')).toEqual(refusal);
    const other = open(place(), 2);
    expect(attempt(wrapped, 'a', other)).toMatchObject({
      reason: 'ROOT_KEY_MISMATCH',
      message: expect.stringMatching(
        new RegExp(`by root key ${key.id}, .* holds ${other.id}`),
      ) as string,
    });
    expect(attempt(new Uint8Array(0), 'a')).toEqual(refusal);
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = wrapped.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(attempt(changed, 'a'), `bit ${bit}`).toEqual(refusal);
    }
  });

  test('differs each time, though the key is the same', () => {
    const key = open(place());
    expect(key.wrapKey(secret, 'a')).not.toEqual(key.wrapKey(secret, 'a'));
  });
});
