import { returnValues } from './constants.ts';
import { Cryptoki, CryptokiError } from './cryptoki.ts';
import { Pkcs11Error, type Pkcs11Fault } from './pkcs11-error.ts';
import {
  blockDecrypt,
  blockEncrypt,
  gcmDecrypt,
  gcmEncrypt,
  type KeyInSession,
  mac,
} from './token-ciphers.ts';
import { findKeys, generateKey, requireKey } from './token-keys.ts';
import { closeQuietly, openSession } from './token-login.ts';
import type { NewTokenKey, TokenPlace, TokenRequest, TokenResult } from './token-request.ts';

/** After these a new session may do what the old one did not. */
const sessionLosses: ReadonlySet<number> = new Set([
  returnValues.CKR_DEVICE_ERROR,
  returnValues.CKR_DEVICE_REMOVED,
  returnValues.CKR_SESSION_CLOSED,
  returnValues.CKR_SESSION_HANDLE_INVALID,
  returnValues.CKR_TOKEN_NOT_PRESENT,
  returnValues.CKR_TOKEN_NOT_RECOGNIZED,
  returnValues.CKR_USER_NOT_LOGGED_IN,
  returnValues.CKR_KEY_HANDLE_INVALID,
  returnValues.CKR_OBJECT_HANDLE_INVALID,
]);

const unsupported: ReadonlySet<number> = new Set([
  returnValues.CKR_MECHANISM_INVALID,
  returnValues.CKR_MECHANISM_PARAM_INVALID,
  returnValues.CKR_FUNCTION_NOT_SUPPORTED,
]);

const unavailable: ReadonlySet<number> = new Set([
  ...sessionLosses,
  returnValues.CKR_GENERAL_ERROR,
  returnValues.CKR_FUNCTION_FAILED,
  returnValues.CKR_DEVICE_MEMORY,
  returnValues.CKR_SESSION_COUNT,
  returnValues.CKR_CRYPTOKI_NOT_INITIALIZED,
]);

/** Key handles are remembered up to so many; then all are looked up anew. */
const handlesMax = 10_000;

/** One session with one token, opened when it is needed and again when it was lost. */
export class TokenSession {
  readonly #place: TokenPlace;
  #cryptoki: Cryptoki | undefined;
  #session: number | undefined;
  readonly #handles = new Map<string, number>();

  constructor(place: TokenPlace) {
    this.#place = place;
  }

  /** @throws Pkcs11Error */
  run(request: TokenRequest): TokenResult {
    try {
      return this.#attempt(request);
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** Once more on a new session if the first was lost: nothing was done in it then. */
  #attempt(request: TokenRequest): TokenResult {
    try {
      return this.#perform(request);
    } catch (error) {
      if (!(error instanceof CryptokiError) || !sessionLosses.has(error.value)) throw error;
      this.#close();
      return this.#perform(request);
    }
  }

  #perform(request: TokenRequest): TokenResult {
    switch (request.do) {
      case 'open':
        this.#open();
        return null;
      case 'generateKey':
        return this.#generate(request);
      case 'hasKey':
        return findKeys(...this.#open(), request.keyId).length > 0;
      case 'destroyKey':
        return this.#destroy(request.keyId);
      case 'gcmEncrypt':
        return gcmEncrypt(this.#at(request.keyId), request);
      case 'gcmDecrypt':
        return gcmDecrypt(this.#at(request.keyId), request);
      case 'blockEncrypt':
        return blockEncrypt(this.#at(request.keyId), request);
      case 'blockDecrypt':
        return blockDecrypt(this.#at(request.keyId), request);
      case 'mac':
        return mac(this.#at(request.keyId), request);
      default:
        return this.#random(request.length);
    }
  }

  #open(): [cryptoki: Cryptoki, session: number] {
    this.#cryptoki ??= new Cryptoki(this.#place.library);
    this.#session ??= openSession(this.#cryptoki, this.#place);
    return [this.#cryptoki, this.#session];
  }

  #close(): void {
    if (this.#cryptoki !== undefined && this.#session !== undefined) {
      closeQuietly(this.#cryptoki, this.#session);
    }
    this.#session = undefined;
    this.#handles.clear();
  }

  #at(keyId: Uint8Array): KeyInSession {
    const [cryptoki, session] = this.#open();
    const name = Buffer.from(keyId).toString('hex');
    const key = this.#handles.get(name) ?? requireKey(cryptoki, session, keyId);
    if (this.#handles.size >= handlesMax) this.#handles.clear();
    this.#handles.set(name, key);
    return { cryptoki, session, key };
  }

  #generate(key: NewTokenKey): null {
    const [cryptoki, session] = this.#open();
    // A first attempt whose session broke may have made it all the same.
    const isThere = findKeys(cryptoki, session, key.keyId).length > 0;
    if (!isThere) generateKey(cryptoki, session, key);
    return null;
  }

  /** True if there was one. */
  #destroy(keyId: Uint8Array): boolean {
    const [cryptoki, session] = this.#open();
    this.#handles.delete(Buffer.from(keyId).toString('hex'));
    const found = findKeys(cryptoki, session, keyId);
    for (const handle of found) cryptoki.call('C_DestroyObject', session, handle);
    return found.length > 0;
  }

  #random(length: number): Uint8Array {
    const [cryptoki, session] = this.#open();
    const bytes = new Uint8Array(length);
    cryptoki.call('C_GenerateRandom', session, bytes, length);
    return bytes;
  }
}

function faultOf(error: unknown): unknown {
  if (!(error instanceof CryptokiError)) return error;
  return new Pkcs11Error(kindOf(error.value), `The PKCS#11 token failed: ${error.message}.`);
}

function kindOf(value: number): Pkcs11Fault {
  if (unsupported.has(value)) return 'unsupported';
  return unavailable.has(value) ? 'unavailable' : 'refused';
}
