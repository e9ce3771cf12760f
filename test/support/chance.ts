import { draw } from '../../src/runtime/index.ts';
import { SeededEntropy } from './seeded-entropy.ts';

/** Choices that a seed repeats. */
export class Chance {
  readonly #entropy: SeededEntropy;

  constructor(seed: number) {
    this.#entropy = new SeededEntropy(seed);
  }

  /** 0 .. n - 1. */
  below(n: number): number {
    const bytes = draw(this.#entropy, 6);
    return Number(BigInt(`0x${Buffer.from(bytes).toString('hex')}`) % BigInt(n));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  isTrue(share: number): boolean {
    return this.below(1_000_000) < share * 1_000_000;
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items];
    return items.map(() => left.splice(this.below(left.length), 1)[0]!);
  }
}
