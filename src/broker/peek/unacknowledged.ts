import type { Backlog } from '../delivery/backlog.ts';
import type { Lease } from '../delivery/lease.ts';

/** What of a backlog can be asked without changing it. */
export type SeenBacklog = Pick<Backlog, 'frontier' | 'leases'>;

/** The first `count` sequences from `from` on, up to `tail`, that are not acknowledged. */
export function unacknowledgedFrom(
  backlog: SeenBacklog,
  from: number,
  tail: number,
  count: number,
): number[] {
  const sequences: number[] = [];
  for (const { sequence } of backlog.leases()) {
    if (sequences.length === count) return sequences;
    if (sequence >= from) sequences.push(sequence);
  }
  for (let at = Math.max(from, backlog.frontier); at < tail && sequences.length < count; at++) {
    sequences.push(at);
  }
  return sequences;
}

/**
 * Leases of some sequences, ascending; null of what was not looked at yet. What is missing from it
 * is acknowledged by now.
 */
export function leasesOf(
  backlog: SeenBacklog,
  sequences: readonly number[],
): Map<number, Lease | null> {
  const wanted = new Set(sequences);
  const found = new Map<number, Lease | null>();
  for (const lease of backlog.leases()) {
    if (wanted.has(lease.sequence)) found.set(lease.sequence, lease);
  }
  for (const sequence of sequences) if (sequence >= backlog.frontier) found.set(sequence, null);
  return found;
}
