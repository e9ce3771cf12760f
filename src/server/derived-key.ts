import { type AeadKey, type SuiteProviders, wipe } from '../crypto/index.ts';
import { assert, type Closers } from '../runtime/index.ts';
import type { OpenedKeys } from './opened-stores.ts';

/** A key of its own for a part of the data directory, derived from the store key. */
export function derivedKey(
  { storeKey }: OpenedKeys,
  suites: SuiteProviders,
  purpose: string,
  closers: Closers,
): AeadKey {
  // As the store key's: it is chosen once for a directory.
  const provider = suites.for(storeKey.aead.suite);
  assert(provider !== undefined, 'the store key was opened with a suite that is not there');
  const bytes = storeKey.deriveKey(purpose);
  const key = provider.importKey(bytes);
  wipe(bytes);
  closers.add(() => key.destroy());
  return key;
}
