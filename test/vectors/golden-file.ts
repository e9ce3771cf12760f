import { readFileSync } from 'node:fs';
import { aeadProviders, type SuiteId, type SuiteProviders } from '../../src/crypto/index.ts';
import { assert, type Entropy, silentLogger } from '../../src/runtime/index.ts';
import { SeededEntropy } from '../support/seeded-entropy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A file of golden bytes under test/vectors/data; the caller names its shape. */
export function readGolden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`data/${name}`, import.meta.url), 'utf8'));
}

/** Draws exactly the bytes that a golden writing drew: a writer then has to repeat it. */
export class RecordedEntropy implements Entropy {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(...parts: readonly Uint8Array[]) {
    this.#bytes = new Uint8Array(Buffer.concat(parts));
  }

  /** Bytes not drawn yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  fill(bytes: Uint8Array): void {
    assert(bytes.length <= this.left, 'a writer draws more than the golden one did');
    bytes.set(this.#bytes.subarray(this.#at, this.#at + bytes.length));
    this.#at += bytes.length;
  }
}

/** The nonce of a sealed record: all that its writer draws. */
export function nonceOf(record: Uint8Array): Uint8Array {
  return record.subarray(1, 25);
}

/** The providers of this process, with `suite` the one that seals. */
export function suitesPreferring(suite: SuiteId): SuiteProviders {
  const entropy = new SeededEntropy(1);
  return aeadProviders({ suite, clock: new VirtualClock(), entropy, log: silentLogger });
}
