import { nobleXchacha } from './noble-aead.ts';
import { nodeXaes, nodeXchacha } from './node-aead.ts';
import { isFipsMode, sodium } from './sodium.ts';
import { sodiumXchacha } from './sodium-aead.ts';
import { type AeadProvider, type SuiteId, suiteIds } from './suite.ts';

/** The suite that is used where nobody chose one. */
export const defaultSuite: SuiteId = isFipsMode ? suiteIds.xaes256Gcm : suiteIds.xchacha20Poly1305;

const xchachaProviders: readonly AeadProvider[] = isFipsMode
  ? []
  : [...(sodium ? [sodiumXchacha(sodium)] : []), nodeXchacha, nobleXchacha];

/**
 * The implementations of a suite that this process may use, the one that is usually fastest first.
 * Empty for an id that is not a suite, and for suite 2 in FIPS mode.
 */
export function providersOf(suite: number): readonly AeadProvider[] {
  if (suite === suiteIds.xaes256Gcm) return [nodeXaes];
  return suite === suiteIds.xchacha20Poly1305 ? xchachaProviders : [];
}
