import { writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JumpingClock } from '../../test/support/jumping-clock.ts';
import {
  hasSoftHsm,
  makeSoftHsm,
  needsSoftHsm,
  type SoftHsm,
} from '../../test/support/soft-hsm.ts';
import { type Clock, silentLogger, SystemClock } from '../runtime/index.ts';
import { Token } from './token-client.ts';
import type { TokenPlace } from './token-request.ts';
import { startTokenWorker } from './token-worker.ts';

const utf8 = new TextEncoder();
const idOf = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
const iv = new Uint8Array(12).fill(1);
const aad = utf8.encode('topic');
const deadlineMs = 30_000;

describe.skipIf(!hasSoftHsm)(`a token of SoftHSM ${needsSoftHsm}`, () => {
  let hsm: SoftHsm;
  let token: Token;
  const pids: (number | undefined)[] = [];

  const open = (place: TokenPlace = hsm.place, clock: Clock = new SystemClock()): Token =>
    new Token({
      place,
      clock,
      log: silentLogger,
      deadlineMs,
      startWorker: (events) => {
        const worker = startTokenWorker(events);
        pids.push(worker.pid);
        return worker;
      },
    });

  const sealed = (keyId: Uint8Array, text: string): Promise<Uint8Array> =>
    token.gcmEncrypt({ keyId, iv, aad, data: utf8.encode(text), tagBytes: 16 });

  beforeAll(async () => {
    hsm = makeSoftHsm();
    token = open();
    await token.open();
    await token.generateKey({ kind: 'aes', length: 32, keyId: idOf(1), label: 'one' });
  });

  afterAll(() => {
    token.close();
    hsm.remove();
  });

  test('opens what it sealed, and null for another tag, text, vector, data or key', async () => {
    const keyId = idOf(1);
    const data = await sealed(keyId, 'coffee');
    const input = { keyId, iv, aad, data, tagBytes: 16 };
    expect(await token.gcmDecrypt(input)).toEqual(utf8.encode('coffee'));
    await token.generateKey({ kind: 'aes', length: 32, keyId: idOf(2), label: 'two' });
    for (let at = 0; at < data.length; at++) {
      const changed = data.slice();
      changed[at]! ^= 1;
      expect(await token.gcmDecrypt({ ...input, data: changed }), `byte ${at}`).toBeNull();
    }
    expect(await token.gcmDecrypt({ ...input, aad: utf8.encode('other') })).toBeNull();
    expect(await token.gcmDecrypt({ ...input, iv: new Uint8Array(12) })).toBeNull();
    expect(await token.gcmDecrypt({ ...input, keyId: idOf(2) })).toBeNull();
    expect(await token.gcmDecrypt({ ...input, data: data.subarray(0, 15) })).toBeNull();
  });

  test('seals and opens nothing at all', async () => {
    const input = { keyId: idOf(1), iv, aad: new Uint8Array(0), tagBytes: 16 };
    const data = await token.gcmEncrypt({ ...input, data: new Uint8Array(0) });
    expect(data).toHaveLength(16);
    expect(await token.gcmDecrypt({ ...input, data })).toEqual(new Uint8Array(0));
  });

  test.each(['cbc', 'ctr'] as const)('AES in %s mode opens what it sealed', async (mode) => {
    const input = { keyId: idOf(1), mode, iv: idOf(9) };
    const data = utf8.encode('thirty-two bytes, that is to say');
    const encrypted = await token.blockEncrypt({ ...input, data });
    expect(encrypted).not.toEqual(data);
    expect(await token.blockDecrypt({ ...input, data: encrypted })).toEqual(data);
  });

  test.each([
    ['sha1', 20],
    ['sha224', 28],
    ['sha256', 32],
    ['sha384', 48],
    ['sha512', 64],
  ] as const)('HMAC of %s has %i bytes and differs with key and data', async (hash, length) => {
    const keyId = idOf(100 + length);
    await token.generateKey({ kind: 'hmac', length, keyId, label: hash });
    const tag = await token.mac({ keyId, hash, data: utf8.encode('a') });
    expect(tag).toHaveLength(length);
    expect(await token.mac({ keyId, hash, data: utf8.encode('a') })).toEqual(tag);
    expect(await token.mac({ keyId, hash, data: utf8.encode('b') })).not.toEqual(tag);
  });

  test('draws bytes that differ', async () => {
    expect(await token.random(64)).not.toEqual(await token.random(64));
  });

  test('a key that was destroyed is gone, and again', async () => {
    const keyId = idOf(3);
    await token.generateKey({ kind: 'aes', length: 32, keyId, label: 'three' });
    const data = await sealed(keyId, 'x');
    expect(await token.hasKey(keyId)).toBe(true);
    expect(await token.destroyKey(keyId)).toBe(true);
    expect(await token.destroyKey(keyId)).toBe(false);
    expect(await token.hasKey(keyId)).toBe(false);
    const opening = token.gcmDecrypt({ keyId, iv, aad, data, tagBytes: 16 });
    await expect(opening).rejects.toMatchObject({ fault: 'missingKey' });
  });

  test('a key outlives the process that made it', async () => {
    const data = await sealed(idOf(1), 'kept');
    process.kill(pids.at(-1)!, 'SIGKILL');
    const input = { keyId: idOf(1), iv, aad, data, tagBytes: 16 };
    const attempt = (): Promise<Uint8Array | null> => token.gcmDecrypt(input);
    const lost = await attempt().catch((error: unknown) => error);
    // The death may be noticed before or after the call.
    if (lost instanceof Uint8Array) expect(lost).toEqual(utf8.encode('kept'));
    else expect(lost).toMatchObject({ fault: 'unavailable' });
    await expect.poll(attempt, { timeout: 20_000 }).toEqual(utf8.encode('kept'));
  });

  test('a library that hangs costs one deadline, and the next call gets a new process', async () => {
    const clock = new JumpingClock();
    const slow = open(hsm.place, clock);
    await slow.open();
    const stuck = pids.at(-1)!;
    process.kill(stuck, 'SIGSTOP');
    const hanging = slow.random(8).catch((error: unknown) => error);
    clock.jump(deadlineMs);
    expect(await hanging).toMatchObject({ fault: 'deadline' });
    const again = (): Promise<number> => slow.random(8).then((bytes) => bytes.length);
    await expect.poll(() => again().catch(() => 0), { timeout: 20_000 }).toBe(8);
    expect(pids.at(-1)).not.toBe(stuck);
    slow.close();
  });

  test.each<[string, Partial<TokenPlace>, RegExp]>([
    ['a library that is not there', { library: '/nowhere/token.so' }, /does not load/],
    ['a label that no token has', { tokenLabel: 'nobody' }, /no PKCS#11 token with the label nob/],
    ['a PIN file that is not there', { pinFile: '/nowhere/pin' }, /cannot be read: ENOENT/],
  ])('%s is told at once', async (_, part, message) => {
    const wrong = open({ ...hsm.place, ...part });
    const refusal = { fault: 'configuration', message: expect.stringMatching(message) as string };
    await expect(wrong.open()).rejects.toMatchObject(refusal);
    wrong.close();
  });

  test('a PIN file that others may read is refused', async () => {
    const pinFile = join(hsm.folder, 'open.pin');
    writeFileSync(pinFile, '271828\n');
    chmodSync(pinFile, 0o644);
    const wrong = open({ ...hsm.place, pinFile });
    await expect(wrong.open()).rejects.toThrow(/mode 0644.*chmod 0600/);
    wrong.close();
  });

  test('a wrong PIN is told without the PIN, and is not tried on and on', async () => {
    const pinFile = join(hsm.folder, 'wrong.pin');
    writeFileSync(pinFile, 'not-the-pin\n', { mode: 0o600 });
    const before = pids.length;
    const wrong = open({ ...hsm.place, pinFile });
    const refusal = await wrong.open().catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ fault: 'pinRefused' });
    expect((refusal as Error).message).toMatch(/refuses the PIN of .*CKR_PIN_INCORRECT/);
    expect((refusal as Error).message).not.toContain('not-the-pin');
    await expect(wrong.random(8)).rejects.toMatchObject({ fault: 'pinRefused' });
    expect(pids.length).toBe(before + 1);
    wrong.close();
  });
});
