import { associatedData, HeldKey, type SuiteProviders } from '../../crypto/index.ts';
import { assert, type Entropy } from '../../runtime/index.ts';
import { damagedRowError, wrongRootKeyError } from '../kms-error.ts';
import { RecordKey } from './record-key.ts';
import { type PlainRootKey, rootIdBytes } from './root-key-file.ts';
import type { RootKey } from './root-key.ts';

interface Held {
  readonly id: string;
  readonly bytes: HeldKey;
  readonly key: RecordKey;
}

/**
 * The root key in use, and while stored keys are wrapped anew also the one before it: keys are
 * wrapped by the first, and unwrapped by whichever wrapped them.
 */
export class HeldRootKey implements RootKey {
  readonly #suites: SuiteProviders;
  readonly #entropy: Entropy;
  #current: Held;
  #previous: Held | null = null;

  /** Copies the bytes, also those of `previous`; the caller wipes its own. */
  constructor(key: PlainRootKey, previous: PlainRootKey | null, ports: HeldRootKeyPorts) {
    this.#suites = ports.suites;
    this.#entropy = ports.entropy;
    this.#current = this.#hold(key);
    if (previous !== null) this.#previous = this.#hold(previous);
  }

  get id(): string {
    return this.#current.id;
  }

  /** The id of the key before, while something may still be wrapped by it. */
  get previousId(): string | null {
    return this.#previous?.id ?? null;
  }

  /** A wrapped key: the root key's id (16) ‖ sealed record. The id tells a wrong key from damage. */
  wrapKey(bytes: Uint8Array, purpose: string): Uint8Array {
    const { id, key } = this.#current;
    const sealed = key.seal(wrapContext(id, purpose), bytes);
    return new Uint8Array(Buffer.concat([Buffer.from(id, 'hex'), sealed]));
  }

  unwrapKey(wrapped: Uint8Array, purpose: string): Uint8Array {
    const id = wrappingId(wrapped);
    const held = [this.#current, this.#previous].find((each) => each?.id === id);
    if (!held) throw wrongRootKeyError(purpose, id, this.id);
    const bytes = held.key.open(wrapContext(id, purpose), wrapped.subarray(rootIdBytes));
    if (bytes === null) throw damagedRowError(`a key wrapped for ${purpose}`);
    return bytes;
  }

  /** From now on `key` wraps; what the present one wrapped still unwraps. */
  adopt(key: PlainRootKey): void {
    assert(this.#previous === null, 'a root key is replaced after everything is wrapped by it');
    this.#previous = this.#current;
    this.#current = this.#hold(key);
  }

  /** What the key before wrapped does not unwrap any more. */
  forgetPrevious(): void {
    release(this.#previous);
    this.#previous = null;
  }

  /** Lends the key's own bytes, not a copy: for a new seal. */
  async lend<T>(use: (key: PlainRootKey) => Promise<T>): Promise<T> {
    return await use({ id: this.id, bytes: this.#current.bytes.bytes });
  }

  destroy(): void {
    release(this.#current);
    release(this.#previous);
  }

  #hold({ id, bytes }: PlainRootKey): Held {
    return {
      id,
      bytes: new HeldKey(bytes),
      key: new RecordKey(bytes, this.#suites, this.#entropy),
    };
  }
}

export interface HeldRootKeyPorts {
  readonly suites: SuiteProviders;
  readonly entropy: Entropy;
}

/** The id of the root key that wrapped it, in hexadecimal digits. */
export function wrappingId(wrapped: Uint8Array): string {
  return Buffer.from(wrapped.subarray(0, rootIdBytes)).toString('hex');
}

function wrapContext(id: string, purpose: string): Uint8Array {
  return associatedData(['sealpost/root-key/wrap/v1', id, purpose]);
}

function release(held: Held | null): void {
  held?.bytes.release();
  held?.key.destroy();
}
