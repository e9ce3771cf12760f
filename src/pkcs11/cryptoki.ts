import koffi from 'koffi';
import { nameOfReturnValue, returnValues } from './constants.ts';
import { Pkcs11Error } from './pkcs11-error.ts';

/** A function answered something else than CKR_OK. */
export class CryptokiError extends Error {
  override name = 'CryptokiError';
  readonly value: number;

  constructor(functionName: string, value: number) {
    super(`${functionName} answered ${nameOfReturnValue(value)}`);
    this.value = value;
  }
}

const signatures = {
  C_Initialize: ['void *'],
  C_GetSlotList: ['uint8', 'void *', 'void *'],
  C_GetTokenInfo: ['ulong', 'void *'],
  C_OpenSession: ['ulong', 'ulong', 'void *', 'void *', 'void *'],
  C_CloseSession: ['ulong'],
  C_Login: ['ulong', 'ulong', 'void *', 'ulong'],
  C_GenerateKey: ['ulong', 'void *', 'void *', 'ulong', 'void *'],
  C_DestroyObject: ['ulong', 'ulong'],
  C_FindObjectsInit: ['ulong', 'void *', 'ulong'],
  C_FindObjects: ['ulong', 'void *', 'ulong', 'void *'],
  C_FindObjectsFinal: ['ulong'],
  C_EncryptInit: ['ulong', 'void *', 'ulong'],
  C_Encrypt: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  C_DecryptInit: ['ulong', 'void *', 'ulong'],
  C_Decrypt: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  C_SignInit: ['ulong', 'void *', 'ulong'],
  C_Sign: ['ulong', 'void *', 'ulong', 'void *', 'void *'],
  C_GenerateRandom: ['ulong', 'void *', 'ulong'],
} as const;

export type FunctionName = keyof typeof signatures;
type Argument = number | Uint8Array | null;

/**
 * The functions of one PKCS#11 library. Calls are synchronous, whatever the token takes: this is
 * for a process whose only work they are.
 */
export class Cryptoki {
  readonly #functions: ReadonlyMap<FunctionName, (...values: Argument[]) => unknown>;

  /** @throws Pkcs11Error `configuration` if the file is no PKCS#11 library for this machine */
  constructor(path: string) {
    this.#functions = functionsOf(path);
    this.call('C_Initialize', null);
  }

  /** @throws CryptokiError unless it answers CKR_OK */
  call(name: FunctionName, ...values: Argument[]): void {
    const value = Number(this.#functions.get(name)!(...values));
    if (value !== returnValues.CKR_OK) throw new CryptokiError(name, value);
  }
}

function functionsOf(path: string): Map<FunctionName, (...values: Argument[]) => unknown> {
  try {
    const library = koffi.load(path);
    const entries = Object.entries(signatures).map(
      ([name, types]) => [name as FunctionName, library.func(name, 'ulong', [...types])] as const,
    );
    return new Map(entries);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new Pkcs11Error('configuration', `The PKCS#11 library ${path} does not load: ${detail}`);
  }
}
