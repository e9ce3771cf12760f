import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';

import { calculateJwkThumbprint } from 'jose';

import { wipe } from '../crypto/index.ts';
import type { RootKey } from '../kms/index.ts';
import { RpcError } from '../rpc/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import type { KeyStore, MetaRow } from '../storage/index.ts';

type CryptoKey = webcrypto.CryptoKey;

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly createdMs: number;
  /** RS256, for signing alone, and not to be exported. */
  readonly privateKey: CryptoKey;
  /** RFC 7517, with `kid`, `alg` and `use`. */
  readonly publicJwk: Readonly<Record<string, string>>;
}

export interface SigningKeysOptions {
  readonly rows: KeyStore;
  readonly rootKey: Pick<RootKey, 'wrapKey' | 'unwrapKey'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const hourMs = 3_600_000;
/** How long one key signs. */
export const rotationMs: number = 90 * 24 * hourMs;
/** What JWKS answers may be cached for: a new key is published so long before it signs. */
export const publishAheadMs: number = hourMs;
/** How long a key is still published after its successor began to sign: a token's life, and a cache's. */
export const publishAfterMs: number = 2 * hourMs;

/** A key costs a second of a core to make: not at every request while the disk refuses it. */
const renewRetryMs = 60_000;

const prefix = 'identity/signing-key/';
const modulusBits = 2_048;
const generate = promisify(generateKeyPair);
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

/**
 * The keys that sign ID tokens. The first is made when one is needed; each later one after 90 days,
 * published for an hour before it signs, so that no endpoint meets a key that it cannot have seen.
 * Rows: `identity/signing-key/` and a number of six digits → created (u64be, ms) ‖ PKCS#8 wrapped by
 * the root key.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  #loaded: StoredKey[] | null = null;
  /** Of the monotonic clock. */
  #renewAtMs = -Infinity;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  /** The key that signs now. */
  async signing(): Promise<SigningKey> {
    const keys = await this.published();
    const nowMs = this.#options.clock.wallMs();
    const begun = keys.filter(({ createdMs }) => createdMs + publishAheadMs <= nowMs);
    return begun.at(-1) ?? keys[0]!;
  }

  /** All that tokens may have been signed with, or will be within the hour; oldest first. */
  published(): Promise<readonly SigningKey[]> {
    const current = this.#turn.then(() => this.#upToDate());
    this.#turn = current.catch(() => undefined);
    return current;
  }

  async #upToDate(): Promise<readonly SigningKey[]> {
    const keys = (this.#loaded ??= await this.#load());
    const nowMs = this.#options.clock.wallMs();
    if (keys.length === 0) keys.push(await this.#create(1, nowMs));
    else await this.#renew(keys, nowMs);
    return keys;
  }

  /** A disk that takes no successor leaves the present key in use: endpoints know it. */
  async #renew(keys: StoredKey[], nowMs: number): Promise<void> {
    const { clock, log } = this.#options;
    if (clock.monotonicMs() < this.#renewAtMs) return;
    try {
      const { number, createdMs } = keys.at(-1)!;
      if (createdMs + rotationMs <= nowMs) keys.push(await this.#create(number + 1, nowMs));
      await this.#retire(keys, nowMs);
    } catch (error) {
      this.#renewAtMs = clock.monotonicMs() + renewRetryMs;
      log.warn({ err: error }, 'the keys for ID tokens could not be renewed; it is tried again');
    }
  }

  async #load(): Promise<StoredKey[]> {
    const rows = await this.#options.rows.list(prefix);
    return await Promise.all(rows.map((row) => this.#open(row)));
  }

  async #open(row: MetaRow): Promise<StoredKey> {
    const number = Number(row.key.slice(prefix.length));
    const createdMs = Number(viewOf(row.value).getBigUint64(0));
    const wrapped = row.value.subarray(8);
    const pkcs8 = this.#options.rootKey.unwrapKey(wrapped, purposeOf(number, createdMs));
    try {
      const key = createPrivateKey({ key: bufferOver(pkcs8), format: 'der', type: 'pkcs8' });
      return await storedKey(number, createdMs, key);
    } finally {
      wipe(pkcs8);
    }
  }

  /** The row is durable before the key is shown to anyone. */
  async #create(number: number, createdMs: number): Promise<StoredKey> {
    const { rows, rootKey, log } = this.#options;
    const { privateKey } = await generate('rsa', { modulusLength: modulusBits });
    const key = rowKeyOf(number);
    const value = sealedRow(privateKey, number, createdMs, rootKey);
    if (!(await rows.txn([{ key, version: 0 }], [{ key, value }]))) {
      throw new RpcError('ABORTED', 'SIGNING_KEY_RACE', 'The signing key was made by another.');
    }
    const made = await storedKey(number, createdMs, privateKey);
    log.info({ kid: made.kid }, 'a new key for ID tokens was made');
    return made;
  }

  async #retire(keys: StoredKey[], nowMs: number): Promise<void> {
    for (let [oldest, next] = keys; oldest && next; [oldest, next] = keys) {
      if (next.createdMs + publishAheadMs + publishAfterMs > nowMs) return;
      await this.#options.rows.txn([], [{ key: rowKeyOf(oldest.number), value: null }]);
      keys.shift();
    }
  }
}

interface StoredKey extends SigningKey {
  readonly number: number;
}

async function storedKey(
  number: number,
  createdMs: number,
  privateKey: KeyObject,
): Promise<StoredKey> {
  const { n, e } = createPublicKey(privateKey).export({ format: 'jwk' }) as Required<JsonWebKey>;
  const kid = await calculateJwkThumbprint({ kty: 'RSA', n, e });
  return {
    number,
    kid,
    createdMs,
    privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
    publicJwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e },
  };
}

function sealedRow(
  privateKey: KeyObject,
  number: number,
  createdMs: number,
  rootKey: SigningKeysOptions['rootKey'],
): Uint8Array {
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const wrapped = rootKey.wrapKey(pkcs8, purposeOf(number, createdMs));
  wipe(pkcs8);
  const row = new Uint8Array(8 + wrapped.length);
  viewOf(row).setBigUint64(0, BigInt(createdMs));
  row.set(wrapped, 8);
  return row;
}

/** Binds the wrap to its row and its time: a key put elsewhere, or made younger, does not open. */
function purposeOf(number: number, createdMs: number): string {
  return `sealpost/identity/signing-key/v1/${number}/${createdMs}`;
}

/** Where these keys are stored, wrapped by the root key, for who wraps them anew. */
export const wrappedSigningKeys: {
  readonly prefix: string;
  readonly wrapAt: number;
  readonly purpose: (row: MetaRow) => string;
} = {
  prefix,
  wrapAt: 8,
  purpose: ({ key, value }) =>
    purposeOf(Number(key.slice(prefix.length)), Number(viewOf(value).getBigUint64(0))),
};

function rowKeyOf(number: number): string {
  return prefix + String(number).padStart(6, '0');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same memory, so that wiping the bytes wipes these. */
function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
