import { mechanisms, returnValues } from './constants.ts';
import { type Cryptoki, CryptokiError, type FunctionName } from './cryptoki.ts';
import {
  counterParameters,
  gcmParameters,
  mechanism,
  type NativeRecord,
  readUlong,
  ulongCell,
} from './native-record.ts';
import type { BlockInput, GcmInput, HmacHash, MacInput } from './token-request.ts';

/** A session with the token and the handle of a key in it. */
export interface KeyInSession {
  readonly cryptoki: Cryptoki;
  readonly session: number;
  readonly key: number;
}

/** Room for a tag, a block of padding, or the longest MAC. */
const outputRoom = 64;

interface Operation {
  readonly start: FunctionName;
  readonly run: FunctionName;
  readonly how: NativeRecord;
  /** Memory that `how` points to. */
  readonly parameters?: NativeRecord;
}

export function gcmEncrypt(at: KeyInSession, input: GcmInput): Uint8Array {
  return perform(at, gcm(input, 'C_EncryptInit', 'C_Encrypt'), input.data);
}

/** Null if the ciphertext does not authenticate. */
export function gcmDecrypt(at: KeyInSession, input: GcmInput): Uint8Array | null {
  if (input.data.length < input.tagBytes) return null;
  try {
    return perform(at, gcm(input, 'C_DecryptInit', 'C_Decrypt'), input.data);
  } catch (error) {
    if (!(error instanceof CryptokiError) || !error.message.startsWith('C_Decrypt ')) throw error;
    if (tagRefusals.has(error.value)) return null;
    if (vagueRefusals.has(error.value) && isWorking(at, input.iv)) return null;
    throw error;
  }
}

const tagRefusals: ReadonlySet<number> = new Set([
  returnValues.CKR_ENCRYPTED_DATA_INVALID,
  returnValues.CKR_ENCRYPTED_DATA_LEN_RANGE,
  returnValues.CKR_AEAD_DECRYPT_FAILED,
]);

/** SoftHSM says this of a wrong tag, and any token says it of its own troubles. */
const vagueRefusals: ReadonlySet<number> = new Set([
  returnValues.CKR_GENERAL_ERROR,
  returnValues.CKR_FUNCTION_FAILED,
]);

/**
 * Whether the token still opens what this key sealed: then it was the ciphertext that it refused,
 * and no outage. The probe is the token's own tag of nothing under associated data of our own, by a
 * nonce that nobody else may choose.
 */
function isWorking(at: KeyInSession, iv: Uint8Array): boolean {
  const probeIv = new Uint8Array(iv.length);
  at.cryptoki.call('C_GenerateRandom', at.session, probeIv, probeIv.length);
  const keyId = new Uint8Array(0);
  const probe = { keyId, iv: probeIv, aad: Uint8Array.of(1), tagBytes: 16 };
  const sealed = gcmEncrypt(at, { ...probe, data: Uint8Array.of(1) });
  const opened = perform(at, gcm({ ...probe, data: sealed }, 'C_DecryptInit', 'C_Decrypt'), sealed);
  return opened.length === 1 && opened[0] === 1;
}

function gcm(input: GcmInput, start: FunctionName, run: FunctionName): Operation {
  const parameters = gcmParameters(input.iv, input.aad, input.tagBytes);
  return { start, run, how: mechanism(mechanisms.aesGcm, parameters.bytes), parameters };
}

export function blockEncrypt(at: KeyInSession, input: BlockInput): Uint8Array {
  const how = blockMechanism(input);
  return perform(at, { start: 'C_EncryptInit', run: 'C_Encrypt', how }, input.data);
}

export function blockDecrypt(at: KeyInSession, input: BlockInput): Uint8Array {
  const how = blockMechanism(input);
  return perform(at, { start: 'C_DecryptInit', run: 'C_Decrypt', how }, input.data);
}

function blockMechanism({ mode, iv }: BlockInput): NativeRecord {
  return mode === 'cbc'
    ? mechanism(mechanisms.aesCbc, iv)
    : mechanism(mechanisms.aesCtr, counterParameters(iv));
}

const macMechanisms: Readonly<Record<HmacHash, number>> = {
  sha1: mechanisms.hmacSha1,
  sha224: mechanisms.hmacSha224,
  sha256: mechanisms.hmacSha256,
  sha384: mechanisms.hmacSha384,
  sha512: mechanisms.hmacSha512,
};

export function mac(at: KeyInSession, { hash, data }: MacInput): Uint8Array {
  const how = mechanism(macMechanisms[hash]);
  return perform(at, { start: 'C_SignInit', run: 'C_Sign', how }, data);
}

function perform(at: KeyInSession, operation: Operation, data: Uint8Array): Uint8Array {
  const { cryptoki, session, key } = at;
  const output = new Uint8Array(data.length + outputRoom);
  const length = ulongCell(output.length);
  // A null pointer would ask some tokens only for the length of the answer.
  const input = data.length === 0 ? new Uint8Array(1) : data;
  try {
    cryptoki.call(operation.start, session, operation.how.bytes, key);
    cryptoki.call(operation.run, session, input, data.length, output, length);
    return output.slice(0, readUlong(length));
  } finally {
    output.fill(0);
    keepAlive(operation);
  }
}

/** The token may read them until its function returned; the engine must not collect them before. */
function keepAlive({ how, parameters }: Operation): number {
  return how.heldBytes + (parameters?.heldBytes ?? 0);
}
