import { associatedData, type SuiteProviders, wipe } from '../../crypto/index.ts';
import type { Entropy, Logger } from '../../runtime/index.ts';
import { damagedRowError, wrongRootKeyError } from '../kms-error.ts';
import { RecordKey } from './record-key.ts';
import { readOrCreateRootKeyFile } from './root-key-file.ts';

/**
 * The key under which all stored keys are wrapped. Its bytes never leave this object.
 *
 * `purpose` is bound in each wrap: what was wrapped for one purpose does not unwrap for another.
 */
export interface RootKey {
  /** 32 hexadecimal digits that name the key, drawn with it; no secret. */
  readonly id: string;
  /** The caller wipes `bytes`. */
  wrapKey(bytes: Uint8Array, purpose: string): Uint8Array;
  /**
   * The caller wipes what it gets.
   *
   * @throws RpcError DATA_LOSS if `wrapped` was changed, wrapped for another purpose, or wrapped by
   * another root key, which the message names.
   */
  unwrapKey(wrapped: Uint8Array, purpose: string): Uint8Array;
  /** Zeroes the key; any later use is a bug. */
  destroy(): void;
}

export interface RootKeyOptions {
  /** The root key file; its directory is created with mode 0700, the file with 0600. */
  readonly path: string;
  /** The data directory, in which the file must not lie; need not exist yet. */
  readonly dataDir: string;
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
  readonly log: Logger;
}

/**
 * Opens the root key file, or makes it if there is none and the data directory is empty. Call it
 * before anything is written to the data directory. Logs one warning that says where the key is.
 *
 * @throws RootKeyError if the file may be read by others, lies in the data directory, is damaged,
 * or is missing beside data that was sealed under it.
 */
export function openRootKey(options: RootKeyOptions): RootKey {
  const file = readOrCreateRootKeyFile(options.path, options.dataDir, options.entropy);
  try {
    options.log.warn(
      { path: options.path, rootKeyId: file.id, created: file.isNew },
      `root key ${options.path}: keep a copy apart from the data; without it everything is lost`,
    );
    return rootKeyFrom(file.id, new RecordKey(file.bytes, options.suites, options.entropy));
  } finally {
    wipe(file.bytes);
  }
}

/** A wrapped key: the root key's id (16) ‖ sealed record. The id tells a wrong root key from damage. */
function rootKeyFrom(id: string, key: RecordKey): RootKey {
  const idPart = Buffer.from(id, 'hex');
  return {
    id,
    wrapKey: (bytes, purpose) =>
      new Uint8Array(Buffer.concat([idPart, key.seal(wrapContext(id, purpose), bytes)])),
    unwrapKey(wrapped, purpose) {
      const wrappedUnder = Buffer.from(wrapped.subarray(0, idPart.length)).toString('hex');
      if (wrappedUnder !== id) throw wrongRootKeyError(purpose, wrappedUnder, id);
      const bytes = key.open(wrapContext(id, purpose), wrapped.subarray(idPart.length));
      if (bytes === null) throw damagedRowError(`a key wrapped for ${purpose}`);
      return bytes;
    },
    destroy: () => key.destroy(),
  };
}

function wrapContext(id: string, purpose: string): Uint8Array {
  return associatedData(['sealpost/root-key/wrap/v1', id, purpose]);
}
