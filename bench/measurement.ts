import type { JobResult } from './jobs/job.ts';

export type Unit = 'messages/s' | 'ms' | 's' | 'bytes';

/** One repetition's number, and what belongs to it. */
export interface Sample {
  readonly value: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly note?: string;
}

/** One line of the table: all repetitions of one subject in one scenario. */
export interface Row {
  readonly scenario: string;
  /** `sealpost gRPC`, `emulator gRPC`, `echo REST`, … */
  readonly subject: string;
  readonly unit: Unit;
  readonly samples: readonly Sample[];
  /** Why there are no samples. */
  readonly skipped?: string;
}

/** What is measured: called once a repetition. */
export interface Subject {
  readonly name: string;
  readonly unit: Unit;
  measure(repetition: number): Promise<Sample>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the range in parts of the median: 0.05 is "plus or minus 5 %". */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

export function rateSample(result: JobResult): Sample {
  return {
    value: result.perSecond,
    ...(Number.isNaN(result.p50Ms) ? {} : { p50Ms: result.p50Ms, p99Ms: result.p99Ms }),
    ...noteOf(result),
  };
}

export function latencySample(result: JobResult): Sample {
  return { value: result.p50Ms, p50Ms: result.p50Ms, p99Ms: result.p99Ms, ...noteOf(result) };
}

function noteOf({ failedCount, failure }: JobResult): { readonly note?: string } {
  if (failedCount === 0) return failure === undefined ? {} : { note: failure };
  return { note: `${String(failedCount)} failed: ${failure ?? 'no reason given'}` };
}
