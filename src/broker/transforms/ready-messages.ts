import type { Dek } from '../../envelope/index.ts';
import type { GivenUp, TransformMemory } from './transform-memory.ts';

/** Of one subscription, beside a single larger message. */
const readyBytesMax = 4 * 1024 * 1024;

/** A message as transforms have made it, to be delivered. */
export interface ReadyMessage {
  readonly sequence: number;
  /** PubsubMessage fields 1, 2 and 5 in protobuf wire form; filled with zeros once they have left. */
  readonly bytes: Uint8Array;
  readonly publishTimeMs: number;
  /** What opened the message: it may be delivered only while that is alive. */
  readonly dek: Dek;
}

interface Held extends GivenUp {
  readonly message: ReadyMessage;
  readonly unwatch: () => void;
}

/**
 * What one subscription's transforms have made and nobody has taken yet. Opened bytes: they go with
 * the DEK that opened them, or when others need the room, and are then made again.
 */
export class ReadyMessages {
  readonly #memory: TransformMemory;
  readonly #bySequence = new Map<number, Held>();
  #bytes = 0;

  constructor(memory: TransformMemory) {
    this.#memory = memory;
  }

  get(sequence: number): ReadyMessage | undefined {
    return this.#bySequence.get(sequence)?.message;
  }

  put(message: ReadyMessage): void {
    const { sequence, bytes, dek } = message;
    this.drop(sequence);
    const giveUp = (): void => this.drop(sequence);
    const held = { message, bytes, giveUp, unwatch: dek.onDeath(giveUp) };
    if (!dek.isAlive) {
      bytes.fill(0);
      return;
    }
    this.#bySequence.set(sequence, held);
    this.#bytes += bytes.length;
    this.#memory.keep(held);
  }

  /** It leaves: whoever takes it fills its bytes with zeros. */
  take(sequence: number): void {
    this.#remove(sequence);
  }

  drop(sequence: number): void {
    this.#remove(sequence)?.bytes.fill(0);
  }

  /** Gives up the last ones where there are too many: the first are delivered first. */
  shrink(): void {
    if (this.#bytes <= readyBytesMax) return;
    for (const sequence of [...this.#bySequence.keys()].toSorted((a, b) => b - a)) {
      if (this.#bytes <= readyBytesMax || this.#bySequence.size === 1) return;
      this.drop(sequence);
    }
  }

  clear(): void {
    for (const sequence of this.#bySequence.keys()) this.drop(sequence);
  }

  #remove(sequence: number): ReadyMessage | undefined {
    const held = this.#bySequence.get(sequence);
    if (held === undefined) return undefined;
    this.#bySequence.delete(sequence);
    this.#bytes -= held.bytes.length;
    held.unwatch();
    this.#memory.release(held);
    return held.message;
  }
}
