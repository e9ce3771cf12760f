import type { SegmentCipher, SuiteId } from '../crypto/index.ts';

/** What sealing must know about a topic: who it is, and whose key protects it. */
export interface SealedTopic {
  /** `projects/P/topics/T`. Bound in the wrap of each DEK. */
  readonly name: string;
  /** 16 random bytes of this creation of the topic: a new topic of the same name is another. */
  readonly uid: Uint8Array;
  /** The topic's CryptoKey; absent: the service's own default key. */
  readonly kmsKeyName?: string;
}

/**
 * A data encryption key, unwrapped and in use. Holders call `segment` for each segment and never
 * keep what it returns over an await: the handle dies when its key is revoked or its time is up.
 */
export interface Dek {
  /** Which of the topic's DEKs: 1, 2, … Stored in each segment. */
  readonly version: number;
  readonly suite: SuiteId;
  /** False once it was revoked, expired or destroyed; `segment` then throws an InvariantError. */
  readonly isAlive: boolean;
  segment(id: Uint8Array): SegmentCipher;
  /** Counts what was sealed towards the caps (2^32 segments, 2^40 bytes). */
  account(bytes: number): void;
  /**
   * Runs `dispose` once, in the tick in which the handle dies for whatever reason (revoked, refused,
   * idle, expired, forgotten, closed), after its key was zeroed: whoever keeps opened bytes zeroes
   * them here. At once if it is dead already. Death by time runs it when the timer of that instant
   * fires, so at most one delay of the event loop after `isAlive` turned false. `dispose` must not
   * throw. Returns how to take it back; those not taken back go with the handle.
   */
  onDeath(dispose: () => void): () => void;
}

/** The DEK of a topic can no longer be used, or can be again; streams and push react to it. */
export interface DekEvent {
  readonly topicName: string;
  /** A new topic of the same name is another. */
  readonly topicUid: Uint8Array;
  readonly kind: 'revoked' | 'restored';
}

/** A DEK as it is stored: who wrapped it, and when it was made (ms since the Unix epoch). */
export interface StoredDek {
  readonly topicUid: Uint8Array;
  readonly version: number;
  readonly kekName: string;
  readonly kekVersionName: string;
  readonly createTimeMs: number;
}

/** Which rows a rewrap moves, and where to. */
export interface RewrapOrder {
  /** The CryptoKey whose primary version wraps from then on. */
  readonly keyName: string;
  /** The CryptoKey, or the one version, whose rows are moved. */
  readonly from: string;
  /** A version that is known to be the primary one: rows that it wraps are left alone. */
  readonly primary: string | null;
}

/**
 * - `moved`: stored under `kekVersionName` now. `kept`: it is none of those that the order names,
 *   or is there already. `gone`: there is no such row, or none any more.
 */
export interface RewrapOutcome {
  readonly outcome: 'moved' | 'kept' | 'gone';
  readonly kekVersionName: string | null;
  /** The primary version, if that was learned. */
  readonly primary: string | null;
}

/**
 * The DEKs of all topics: made, wrapped by the topic's KEK, unwrapped anew every 6 minutes, dead at
 * 7 (DESIGN: Sealing). A handle in hand may be used at once; after an await ask again.
 *
 * forSeal and forOpen return the handle itself when it is warm, which is nearly always. Otherwise a promise
 * that throws RpcError FAILED_PRECONDITION: with the key service's own reason and text when the key
 * may not be used, with reason KMS_UNREACHABLE when no answer could be had and nothing warm is left;
 * or DATA_LOSS when a DEK row, or what the key service made of it, is not what was stored.
 */
export interface DekManager {
  /** The topic's latest DEK, for sealing. */
  forSeal(topic: SealedTopic): Dek | Promise<Dek>;
  /** The same for what is published, which may come back later than delivery (propagation). */
  forPublish(topic: SealedTopic): Dek | Promise<Dek>;
  /** The DEK that a stored segment names, for opening. */
  forOpen(topic: SealedTopic, version: number): Dek | Promise<Dek>;
  /** Asks now whether the topic's key can encrypt and decrypt; throws as above. Creates nothing. */
  probe(topic: SealedTopic): Promise<void>;
  /** The CryptoKey that protects the topic: its own, or the service's default. */
  keyNameOf(topic: SealedTopic): string;
  onEvent(listener: (event: DekEvent) => void): () => void;
  /**
   * Forgets a deleted topic: evicts its DEKs and erases their rows. `sealedCount` tells how many
   * messages a version sealed, for its receipt; null: not known.
   */
  forget(topic: SealedTopic, sealedCount?: (version: number) => number | null): Promise<void>;
  /** Every stored DEK that a CryptoKey, or a version of one, wraps; null: all. Looks at every row. */
  wrappedBy(name: string | null): Promise<StoredDek[]>;
  /** A topic's stored DEKs, by version. */
  storedOf(topic: SealedTopic): Promise<StoredDek[]>;
  /**
   * Erases DEKs that nothing stored names: from this very call on nobody seals or opens with them.
   * The one that seals, the next one, and one that is being read just now stay. Resolves to what
   * was erased; receipts follow the compaction.
   */
  erase(
    topic: SealedTopic,
    spent: readonly { readonly version: number; readonly sealedMessageCount: number | null }[],
  ): Promise<readonly number[]>;
  /**
   * Wraps a stored DEK anew: unwrapped, wrapped under the key's primary version, proven by another
   * unwrap, compared and set. What it sealed stays as it is. Throws as `forOpen` does.
   */
  rewrap(topic: SealedTopic, version: number, order: RewrapOrder): Promise<RewrapOutcome>;
  /** Zeroes everything. */
  close(): void;
}
