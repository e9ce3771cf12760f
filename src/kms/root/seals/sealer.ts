import { equalBytes, wipe } from '../../../crypto/index.ts';
import { checkOf, type PlainRootKey } from '../root-key-file.ts';
import { RootKeyError } from '../root-key-error.ts';
import type { SealRecord, SealSource } from './seal-record.ts';

/** One way to protect a root key at rest, with the secret or token that it takes at hand. */
export interface Sealer {
  readonly source: Exclude<SealSource, 'file'>;
  /** What to look at when it opens nothing: `the passphrase in FILE`. */
  readonly secretName: string;
  /** A new seal of the same key differs each time. @throws RootKeyError */
  seal(key: PlainRootKey): Promise<Pick<SealRecord, 'parameters' | 'sealed'>>;
  /** Null if the secret is another one than it was sealed by. @throws RootKeyError */
  open(record: SealRecord): Promise<Uint8Array | null>;
  /** Forgets its secret. */
  close(): void;
}

export async function sealWith(sealer: Sealer, key: PlainRootKey): Promise<SealRecord> {
  const { parameters, sealed } = await sealer.seal(key);
  return { source: sealer.source, id: key.id, parameters, sealed, check: checkOf(key) };
}

/** @throws RootKeyError if it does not open, or holds another key than its check says */
export async function openWith(
  sealer: Sealer,
  record: SealRecord,
  path: string,
): Promise<PlainRootKey> {
  const bytes = await sealer.open(record);
  if (bytes === null) {
    const text = `${sealer.secretName} does not open the root key ${path}: give the one that it was sealed by`;
    throw new RootKeyError(text);
  }
  const key = { id: record.id, bytes };
  if (equalBytes(checkOf(key), record.check)) return key;
  wipe(bytes);
  const text = `${sealer.secretName} gave another root key than ${path} was made of: restore the seal or the token`;
  throw new RootKeyError(text);
}
