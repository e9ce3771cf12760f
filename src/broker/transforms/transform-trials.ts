import type {
  MessageTransform,
  TransformableMessage,
  TransformOutcome,
} from '../../transforms/index.ts';
import type { Registry } from '../registry.ts';
import type { TransformAdministration, TransformsOf } from './transform-administration.ts';
import { tooManyTrials, transformsUnavailable } from './transform-errors.ts';
import { checkTransforms } from './transform-rules.ts';

/** Trials under way at once; each has a context of its own. */
const trialsMax = 16;

/** What transforms would do, tried on one message that nobody publishes. */
export class TransformTrials implements TransformAdministration {
  readonly #registry: Registry;
  #underWay = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async check(transform: MessageTransform): Promise<void> {
    await checkTransforms([transform], this.#registry.ports.transforms);
  }

  async test(message: TransformableMessage, of: TransformsOf): Promise<TransformOutcome[]> {
    const { transforms: engine } = this.#registry.ports;
    const transforms = this.#transforms(of);
    if ('transforms' in of) await checkTransforms(transforms, engine);
    if (this.#underWay >= trialsMax) throw tooManyTrials();
    this.#underWay++;
    try {
      // Never the owner's own chain: what code has kept of real messages is not for trials.
      const chain = engine?.prepare('trial', transforms);
      if (chain === undefined) throw transformsUnavailable();
      if (chain === null) return [];
      try {
        return await chain.trace(message);
      } finally {
        chain.close();
      }
    } finally {
      this.#underWay--;
    }
  }

  #transforms(of: TransformsOf): readonly MessageTransform[] {
    if ('transforms' in of) return of.transforms;
    if ('topic' in of) return this.#registry.topic(of.topic).row.messageTransforms ?? [];
    const detached = this.#registry.detached.get(of.subscription);
    const row = detached ?? this.#registry.subscription(of.subscription).row;
    return row.messageTransforms ?? [];
  }
}
