import type {
  MessageTransform,
  TransformableMessage,
  TransformChain,
  TransformEngine,
  TransformOutcome,
} from '../../transforms/index.ts';
import { transformsUnavailable } from './transform-errors.ts';

/** One resource's transforms at work: the chain of its present revision, made when first needed. */
export class TransformSlot {
  readonly #engine: TransformEngine | undefined;
  readonly #owner: string;
  #transforms: readonly MessageTransform[] = [];
  #chain: TransformChain | null = null;
  /** Results that come in under another number are nobody's. */
  #revision = 0;

  /** `owner`: the resource's full name. Without an engine nothing that needs one passes. */
  constructor(engine: TransformEngine | undefined, owner: string) {
    this.#engine = engine;
    this.#owner = owner;
  }

  /** There is something to do. */
  get isOn(): boolean {
    return this.#transforms.length > 0;
  }

  /** False if these are the transforms that it has already. */
  change(transforms: readonly MessageTransform[] | undefined): boolean {
    const enabled = (transforms ?? []).filter(({ disabled }) => !disabled);
    if (JSON.stringify(enabled) === JSON.stringify(this.#transforms)) return false;
    this.#transforms = enabled;
    this.forget();
    return true;
  }

  /** Whatever code has kept of messages goes, and what is under way is nobody's. */
  forget(): void {
    this.#revision++;
    this.#chain?.close();
    this.#chain = null;
  }

  /**
   * One outcome for each message, in order, or for the first of them; null if the transforms were changed or forgotten
   * meanwhile. Throws UNAVAILABLE where they cannot be run.
   */
  async run(messages: readonly TransformableMessage[]): Promise<TransformOutcome[] | null> {
    const revision = this.#revision;
    try {
      const outcomes = await this.#prepared().run(messages);
      if (revision !== this.#revision) return null;
      if (outcomes.some(isTransient)) throw transformsUnavailable();
      return outcomes;
    } catch (error) {
      if (revision !== this.#revision) return null;
      this.forget();
      throw transformsUnavailable(error);
    }
  }

  #prepared(): TransformChain {
    this.#chain ??= this.#engine?.prepare(this.#owner, this.#transforms) ?? null;
    if (this.#chain === null) throw transformsUnavailable();
    return this.#chain;
  }
}

const isTransient = (outcome: TransformOutcome): boolean =>
  outcome.kind === 'failed' && outcome.isTransient === true;
