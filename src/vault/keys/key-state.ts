/** Whose permission counts: the Run service agent of `project`, for `key`. */
export interface KeyPlace {
  readonly project: string;
  /** A CryptoKey's full name. */
  readonly key: string;
}

export type RevocationCause =
  | 'disabled'
  | 'destroyed'
  | 'scheduled'
  /** The agent may not use it, or there is no such key. */
  | 'denied'
  /** An external key manager said no, and asking again will not help. */
  | 'external';

export type KeyCondition = 'ENABLED' | 'REVOKED' | 'THROTTLED' | 'UNREACHABLE';

/** What is known of a key; `reference/vault.md` 6.6 is the table. */
export interface KeyState {
  readonly condition: KeyCondition;
  /** Of REVOKED. */
  readonly cause?: RevocationCause;
  /** The seed's message, and for `external` and UNREACHABLE the manager's own; empty if ENABLED. */
  readonly message: string;
  /** When this condition was first seen; wall ms. The clock of a shutdown starts here. */
  readonly sinceMs: number;
  /** Of REVOKED: when this cause was first seen; later than `sinceMs` if another was before it. */
  readonly causeSinceMs?: number;
  /** When the last whole check ended, whatever it found; wall ms. */
  readonly checkedMs: number;
  /** The version that encrypted in the last good check. */
  readonly keyVersion?: string;
}

/**
 * Watches the keys of all revisions. A key is good only as long as both an Encrypt and a Decrypt
 * of dummy data succeed; what real unwraps meet counts at once.
 */
export interface KeyWatch {
  /** What is known now; a place never asked about is checked first. */
  state(place: KeyPlace): Promise<KeyState>;
  /** What was known when last looked at, without asking anybody; undefined: nothing. */
  known(place: KeyPlace): KeyState | undefined;
  /** Checks now, with calls that begin after this one: for a deployment. Feeds the state. */
  check(place: KeyPlace): Promise<KeyState>;
  /**
   * How a real use ended: `null` for well, else what was thrown. A refusal counts at once; anything
   * else is a reason to check now.
   */
  report(place: KeyPlace, outcome: unknown): void;
  /**
   * Begins, or ends for good, periodic checks; counted. Only what is watched is stored: at a close
   * nobody stops watching, or the times are lost. `Revocations` watches the keys of its revisions.
   */
  watch(place: KeyPlace): void;
  unwatch(place: KeyPlace): void;
  /** Called after each change of condition or cause was stored; returns how to stop. */
  onChange(listener: (place: KeyPlace, state: KeyState) => void): () => void;
  /** All that is watched. */
  states(): readonly { readonly place: KeyPlace; readonly state: KeyState }[];
}
