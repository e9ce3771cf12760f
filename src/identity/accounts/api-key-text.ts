import { hash } from 'node:crypto';

import { equalBytes, wipe } from '../../crypto/index.ts';
import { draw, type Entropy } from '../../runtime/index.ts';

const prefix = 'spk_';
const secretBytes = 32;
const idCharacters = 12;
const pattern = /^spk_[A-Za-z0-9_-]{43}$/;

/** An API key as it is shown, once. */
export interface MadeApiKey {
  readonly id: string;
  /** `spk_` and 32 random bytes in base64url. */
  readonly text: string;
  readonly hash: string;
}

export function makeApiKey(entropy: Entropy): MadeApiKey {
  const secret = draw(entropy, secretBytes);
  const body = Buffer.from(secret.buffer).toString('base64url');
  wipe(secret);
  const text = prefix + body;
  return { id: body.slice(0, idCharacters), text, hash: hashOf(text) };
}

/** The part by which a key is found, of what may be a key; undefined for what is none. */
export function apiKeyIdOf(text: string): string | undefined {
  if (!pattern.test(text)) return undefined;
  return text.slice(prefix.length, prefix.length + idCharacters);
}

export const isApiKeyText = (text: string): boolean => text.startsWith(prefix);

/**
 * Whether a text is the key of a hash, in the same time wherever they differ. Without a hash, it
 * takes the time all the same.
 */
export function fitsApiKey(text: string, stored: string | undefined): boolean {
  const given = Buffer.from(hashOf(text), 'base64');
  const expected = Buffer.from(stored ?? noHash, 'base64');
  return equalBytes(given, expected) && stored !== undefined;
}

/** 256 random bits need no slow hash: nobody finds them by trying. */
function hashOf(text: string): string {
  return hash('sha256', `sealpost/api-key/v1/${text}`, 'base64');
}

const noHash = Buffer.alloc(32).toString('base64');
