import type { TransformOutcome } from '../../transforms/index.ts';
import type { TransformResult } from '../observer.ts';

const resultOf: Readonly<Record<TransformOutcome['kind'], TransformResult>> = {
  transformed: 'success',
  filtered: 'filtered',
  failed: 'failure',
};

/** Tells once for each result how many messages had it; the time of a batch is shared out evenly. */
export function reportOutcomes(
  outcomes: readonly TransformOutcome[],
  ms: number,
  report: (result: TransformResult, count: number, eachMs: number) => void,
): void {
  const counts = new Map<TransformResult, number>();
  for (const { kind } of outcomes) {
    const result = resultOf[kind];
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  for (const [result, count] of counts) report(result, count, ms / outcomes.length);
}
