/** How the server behaves, until it is told otherwise. */
export type EkmBehaviour =
  | { readonly kind: 'honest' }
  /** 403: the owner of the keys denies their use. */
  | { readonly kind: 'deny' }
  | { readonly kind: 'status'; readonly status: number }
  /** Honest, but only after so long. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** 200 with what is no JSON. */
  | { readonly kind: 'garbage' }
  /** Wraps and unwraps other bytes than it was given: those of another key. */
  | { readonly kind: 'other key' }
  /** Unwraps whatever it is given to the first plaintext that it ever gave away. */
  | { readonly kind: 'old key' }
  /** Leaves away the last byte of what it unwraps. */
  | { readonly kind: 'short' }
  /** Bytes in a text that is not base64. */
  | { readonly kind: 'bad base64' };

const plain = ['honest', 'deny', 'garbage', 'other key', 'old key', 'short', 'bad base64'] as const;

/** `deny`, `status 429`, `slow 2000`, `other key`, …; null for anything else. */
export function parseBehaviour(line: string): EkmBehaviour | null {
  const kind = plain.find((each) => each === line.trim());
  if (kind !== undefined) return { kind };
  const [, word, number] = /^\s*(status|slow)\s+([0-9]{1,6})\s*$/.exec(line) ?? [];
  if (word === 'status') return { kind: 'status', status: Number(number) };
  return word === 'slow' ? { kind: 'slow', ms: Number(number) } : null;
}
