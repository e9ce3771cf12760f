import type { Backlog } from '../delivery/backlog.ts';
import type { Unacknowledged } from '../snapshots/snapshot-log.ts';
import type { SeekPreview } from './backlog-views.ts';

type SeekCounts = Omit<SeekPreview, 'isExact' | 'keptFromMs'>;

/** What differs between a backlog and where a seek would leave it; `tail` is the lane's. */
export function seekCounts(
  backlog: Pick<Backlog, 'frontier' | 'holes' | 'leaseCount'>,
  sought: Unacknowledged,
  tail: number,
): SeekCounts {
  const { frontier } = backlog;
  const unackedBefore = backlog.leaseCount + Math.max(0, tail - frontier);
  const unackedAfter = sought.holes.length + Math.max(0, tail - sought.frontier);
  const both =
    commonCount(backlog, sought) + Math.max(0, tail - Math.max(frontier, sought.frontier));
  return {
    unackedBefore,
    unackedAfter,
    returningCount: unackedAfter - both,
    acknowledgedCount: unackedBefore - both,
  };
}

/** How many are unacknowledged in both, below the frontier of at least one. */
function commonCount(
  backlog: Pick<Backlog, 'frontier' | 'holes'>,
  { frontier, holes }: Unacknowledged,
): number {
  const later = new Set(holes);
  let count = 0;
  for (const hole of backlog.holes()) if (hole >= frontier || later.has(hole)) count++;
  for (const hole of holes) if (hole >= backlog.frontier) count++;
  return count;
}
