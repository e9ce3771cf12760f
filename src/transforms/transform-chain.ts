import type { TransformableMessage, TransformChain, TransformOutcome } from './transform.ts';

/** One transform; of its failures, where in the chain it stands is not its to know. */
export interface TransformStage {
  /** Of the first messages, at least one; of all unless much was made of those. */
  run(messages: readonly TransformableMessage[]): Promise<StageOutcome[]>;
  close(): void;
}

type StageOutcome =
  | Exclude<TransformOutcome, { kind: 'failed' }>
  | { readonly kind: 'failed'; readonly message: string; readonly isTransient?: true };

/** A transform with its place among all of the resource's, the disabled ones counted. */
export interface PlacedStage {
  readonly index: number;
  readonly stage: TransformStage;
}

interface Traveller {
  readonly message: TransformableMessage;
  outcome: TransformOutcome;
}

/**
 * Messages go through the stages together; what is filtered or failed goes no further. Those that a
 * stage leaves out are left out of the whole run, and all after them.
 */
export class StagedChain implements TransformChain {
  readonly #stages: readonly PlacedStage[];

  constructor(stages: readonly PlacedStage[]) {
    this.#stages = stages;
  }

  async run(messages: readonly TransformableMessage[]): Promise<TransformOutcome[]> {
    const all: Traveller[] = messages.map((message) => {
      const { data, attributes } = message;
      return { message, outcome: { kind: 'transformed', data, attributes } };
    });
    for (const placed of this.#stages) await pass(all, placed);
    return all.map(({ outcome }) => outcome);
  }

  async trace(message: TransformableMessage): Promise<TransformOutcome[]> {
    const { data, attributes } = message;
    const traveller: Traveller = { message, outcome: { kind: 'transformed', data, attributes } };
    const outcomes: TransformOutcome[] = [];
    for (const placed of this.#stages) {
      await pass([traveller], placed);
      outcomes.push(traveller.outcome);
      if (traveller.outcome.kind !== 'transformed') break;
    }
    return outcomes;
  }

  close(): void {
    for (const { stage } of this.#stages) stage.close();
  }
}

async function pass(all: Traveller[], { index, stage }: PlacedStage): Promise<void> {
  const going: { traveller: Traveller; message: TransformableMessage }[] = [];
  for (const traveller of all) {
    const { message, outcome } = traveller;
    if (outcome.kind !== 'transformed') continue;
    const { data, attributes } = outcome;
    going.push({ traveller, message: { ...message, data, attributes } });
  }
  if (going.length === 0) return;
  const outcomes = await stage.run(going.map(({ message }) => message));
  for (const [at, outcome] of outcomes.entries()) {
    going[at]!.traveller.outcome =
      outcome.kind === 'failed' ? placedFailure(outcome, index) : outcome;
  }
  const leftOut = going[outcomes.length];
  if (leftOut !== undefined) all.length = all.indexOf(leftOut.traveller);
}

function placedFailure(
  { message, isTransient }: Extract<StageOutcome, { kind: 'failed' }>,
  index: number,
): TransformOutcome {
  return { kind: 'failed', index, message, ...(isTransient && { isTransient }) };
}
