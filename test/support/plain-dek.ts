import type { AeadKey, AeadProvider, SegmentCipher, SuiteId } from '../../src/crypto/index.ts';
import type { Dek } from '../../src/envelope/index.ts';
import { assert } from '../../src/runtime/index.ts';

/** A real DEK over given key bytes, without a manager: for what only seals and opens. */
export class PlainDek implements Dek {
  readonly version: number;
  readonly suite: SuiteId;
  isAlive: boolean = true;
  /** What `account` was told, in order. */
  readonly accounted: number[] = [];
  readonly #key: AeadKey;
  readonly #mourners = new Set<() => void>();

  constructor(provider: AeadProvider, keyBytes: Uint8Array, version: number = 1) {
    this.version = version;
    this.suite = provider.suite;
    this.#key = provider.importKey(keyBytes);
  }

  segment(id: Uint8Array): SegmentCipher {
    assert(this.isAlive, 'a DEK was used after its end');
    return this.#key.segment(id);
  }

  account(bytes: number): void {
    this.accounted.push(bytes);
  }

  onDeath(dispose: () => void): () => void {
    const mourner = (): void => dispose();
    if (this.isAlive) this.#mourners.add(mourner);
    else mourner();
    return () => void this.#mourners.delete(mourner);
  }

  destroy(): void {
    this.isAlive = false;
    this.#key.destroy();
    for (const mourner of this.#mourners) mourner();
    this.#mourners.clear();
  }
}
