import koffi from 'koffi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  hasSoftHsm,
  makeSoftHsm,
  needsSoftHsm,
  type SoftHsm,
} from '../../test/support/soft-hsm.ts';
import { readUlong, ulongArray, ulongCell } from './native-record.ts';
import { TokenSession } from './token-session.ts';

const keyId = new Uint8Array(16).fill(1);
const iv = new Uint8Array(12).fill(2);
const aad = new Uint8Array(3);

describe.skipIf(!hasSoftHsm)(`the session with a token ${needsSoftHsm}`, () => {
  let hsm: SoftHsm;
  let session: TokenSession;

  beforeAll(() => {
    hsm = makeSoftHsm();
    session = new TokenSession({ ...hsm.place });
    session.run({ do: 'generateKey', kind: 'aes', length: 32, keyId, label: 'key' });
  });
  afterAll(() => hsm.remove());

  const sealed = (data: Uint8Array): Uint8Array =>
    session.run({ do: 'gcmEncrypt', keyId, iv, aad, data, tagBytes: 16 }) as Uint8Array;

  /** What pulling a token out does to everybody's sessions. */
  function closeAllSessions(): void {
    const library = koffi.load(hsm.place.library);
    const list = library.func('C_GetSlotList', 'ulong', ['uint8', 'void *', 'void *']);
    const close = library.func('C_CloseAllSessions', 'ulong', ['ulong']);
    const count = ulongCell(16);
    const slots = ulongArray(16);
    expect(Number(list(1, slots, count))).toBe(0);
    for (let at = 0; at < readUlong(count); at++) close(readUlong(slots, at));
  }

  test('is opened and logged in again when it was lost, and the call made once more', () => {
    const data = sealed(Uint8Array.of(1, 2, 3));
    closeAllSessions();
    expect(sealed(Uint8Array.of(1, 2, 3))).toEqual(data);
    closeAllSessions();
    const opened = session.run({ do: 'gcmDecrypt', keyId, iv, aad, data, tagBytes: 16 });
    expect(opened).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('a key is not made twice under one id', () => {
    session.run({ do: 'generateKey', kind: 'aes', length: 32, keyId, label: 'again' });
    expect(sealed(new Uint8Array(1))).toHaveLength(17);
  });

  test('a key cannot be read off the token', () => {
    const answer = askForValue(hsm.place.library, hsm.place.tokenLabel);
    expect(answer).toBe('CKR_ATTRIBUTE_SENSITIVE');
  });

  /** Asks for CKA_VALUE of the key, in the session that is logged in. */
  function askForValue(path: string, label: string): string {
    const library = koffi.load(path);
    const slots = ulongArray(16);
    const count = ulongCell(16);
    library.func('C_GetSlotList', 'ulong', ['uint8', 'void *', 'void *'])(1, slots, count);
    const info = new Uint8Array(512);
    const describeToken = library.func('C_GetTokenInfo', 'ulong', ['ulong', 'void *']);
    const indexes = Array.from({ length: readUlong(count) }, (_, index) => index);
    const slot = indexes
      .map((index) => readUlong(slots, index))
      .find((each) => {
        describeToken(each, info);
        return Buffer.from(info.subarray(0, 32)).toString().trimEnd() === label;
      })!;
    const handle = ulongCell();
    const open = library.func('C_OpenSession', 'ulong', [
      'ulong',
      'ulong',
      'void *',
      'void *',
      'void *',
    ]);
    expect(Number(open(slot, 6, null, null, handle))).toBe(0);
    const own = readUlong(handle);
    const found = ulongArray(1);
    library.func('C_FindObjectsInit', 'ulong', ['ulong', 'void *', 'ulong'])(own, null, 0);
    const find = library.func('C_FindObjects', 'ulong', ['ulong', 'void *', 'ulong', 'void *']);
    find(own, found, 1, count);
    library.func('C_FindObjectsFinal', 'ulong', ['ulong'])(own);
    expect(readUlong(count)).toBe(1);
    const value = new Uint8Array(64);
    const attribute = new Uint8Array([...ulongCell(0x11), ...new Uint8Array(8), ...ulongCell(64)]);
    new DataView(attribute.buffer).setBigUint64(8, koffi.address(value), true);
    const get = library.func('C_GetAttributeValue', 'ulong', ['ulong', 'ulong', 'void *', 'ulong']);
    const answer = Number(get(own, readUlong(found), attribute, 1));
    expect(value).toEqual(new Uint8Array(64));
    return answer === 0x11 ? 'CKR_ATTRIBUTE_SENSITIVE' : `CKR 0x${answer.toString(16)}`;
  }
});
