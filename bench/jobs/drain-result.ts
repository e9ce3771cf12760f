import type { JobResult } from './job.ts';

/** What became of a drain: so many of the messages that waited, in so long. */
export function drainResult(
  job: { readonly messageCount: number; readonly secondsMax: number },
  drainedCount: number,
  spanMs: number,
): JobResult {
  const missing = job.messageCount - drainedCount;
  return {
    perSecond: (drainedCount / spanMs) * 1000,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    messageCount: drainedCount,
    // A drain that ran out of time is slow, not wrong; one that ended early is wrong.
    failedCount: missing > 0 && spanMs < job.secondsMax * 1000 ? missing : 0,
  };
}
