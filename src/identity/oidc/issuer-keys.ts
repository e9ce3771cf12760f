import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';

import type { OutgoingClient } from '../../outgoing/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import { fetchIssuerKeys, type IssuerPlace } from './key-fetch.ts';
import { usableKeys } from './usable-keys.ts';

export interface IssuerKeysOptions extends IssuerPlace {
  readonly outgoing: OutgoingClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends what is under way when the server stops. */
  readonly signal: AbortSignal;
}

export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Older keys are fetched anew when they are next used, while they are used. */
const freshMs = 600_000;
/** Keys are used so long while their issuer is away. */
const staleMs = 12 * 3_600_000;
/** Between two fetches, whatever makes them wanted: a token of an unknown key costs its sender nothing. */
const cooldownMs = 10_000;

/** The keys could not be fetched, and there are none, or none young enough. */
export class KeysAwayError extends Error {
  override name = 'KeysAwayError';
}

interface Held {
  readonly set: KeySet;
  readonly keyIds: ReadonlySet<string>;
  readonly fetchedMs: number;
}

/** The keys of one issuer: fetched when first needed, and anew when a token names another. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #held: Held | undefined;
  #underWay: Promise<void> | undefined;
  #askedMs = -Infinity;
  #lastError: unknown;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /**
   * Keys among which the one of `keyId` is, if the issuer has it.
   *
   * @throws KeysAwayError
   */
  async keysFor(keyId: string | undefined): Promise<KeySet> {
    const held = this.#young();
    if (held === undefined) return await this.#fetched();
    const isKnown = keyId === undefined || held.keyIds.has(keyId);
    const ageMs = this.#options.clock.monotonicMs() - held.fetchedMs;
    if (isKnown && ageMs > freshMs) void this.#refresh();
    if (isKnown) return held.set;
    await this.#refresh();
    return (this.#young() ?? held).set;
  }

  async #fetched(): Promise<KeySet> {
    await this.#refresh();
    const held = this.#young();
    if (held !== undefined) return held.set;
    throw new KeysAwayError('the keys of an issuer could not be fetched', {
      cause: this.#lastError,
    });
  }

  /** Those that may still be used. */
  #young(): Held | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    return this.#options.clock.monotonicMs() - held.fetchedMs <= staleMs ? held : undefined;
  }

  /** One fetch at a time, for all who want it; none soon after the last. Never rejects. */
  async #refresh(): Promise<void> {
    const { clock } = this.#options;
    if (this.#underWay === undefined) {
      if (clock.monotonicMs() - this.#askedMs < cooldownMs) return;
      this.#askedMs = clock.monotonicMs();
      this.#underWay = this.#fetch().finally(() => (this.#underWay = undefined));
    }
    await this.#underWay;
  }

  async #fetch(): Promise<void> {
    const { clock, log, issuer } = this.#options;
    try {
      const keys = usableKeys(await fetchIssuerKeys(this.#options));
      this.#held = heldOf(keys, clock.monotonicMs());
      this.#lastError = undefined;
    } catch (error) {
      this.#lastError = error;
      log.warn({ err: error, issuer }, "the keys of a tokens' issuer could not be fetched");
    }
  }
}

function heldOf(keys: readonly JWK[], fetchedMs: number): Held {
  const set = createLocalJWKSet({ keys } as unknown as JSONWebKeySet);
  const keyIds = new Set(keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])));
  return { set, keyIds, fetchedMs };
}
