import { formatTimestamp } from '../../rpc/index.ts';
import { type ChainName, insertIdOf } from './stored-entry.ts';

/**
 * - `damaged`: what is stored was changed, moved or cannot be read.
 * - `missing`: nothing is stored where entries were.
 * - `broken`: an entry does not follow the one before it: one was removed, inserted or exchanged.
 * - `truncated`: the anchor knows of entries beyond the end of the log.
 * - `replaced`: the log ended with another entry than the anchor knows.
 * - `anchor`: the anchor is gone, or is not what was written.
 */
export type FindingKind = 'damaged' | 'missing' | 'broken' | 'truncated' | 'replaced' | 'anchor';

/** Entries of which something is wrong, in a row. */
export interface AuditFinding {
  readonly chain: ChainName;
  readonly kind: FindingKind;
  /** Sequences, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly firstInsertId: string;
  readonly lastInsertId: string;
  /** Time of the last good entry before, ms since the Unix epoch; null if there is none. */
  readonly afterMs: number | null;
  /** Time of the first readable entry from there on; null if there is none. */
  readonly beforeMs: number | null;
}

/** Told of a verification as it goes. All calls are cheap. */
export interface AuditCheck {
  expect(count: number): void;
  passed(count: number, bytes: number): void;
  found(finding: AuditFinding): void;
}

const texts: Readonly<Record<FindingKind, string>> = {
  damaged: 'changed, moved or unreadable',
  missing: 'removed',
  broken: 'not what followed the entry before: something was removed, inserted or exchanged',
  truncated: 'cut off the end of the log',
  replaced: 'the log ended with another entry than the anchor knows',
  anchor: 'the anchor was removed or changed: a cut before it would not be noticed',
};

/** Where it is: `activity a0…1f to a0…22, after 2026-01-01T00:00:00.000Z`. */
export function findingPlace(finding: AuditFinding): string {
  const { chain, firstInsertId, lastInsertId, afterMs, beforeMs } = finding;
  const range =
    firstInsertId === lastInsertId ? firstInsertId : `${firstInsertId} to ${lastInsertId}`;
  const after = afterMs === null ? '' : `, after ${formatTimestamp(afterMs)}`;
  const before = beforeMs === null ? '' : `, before ${formatTimestamp(beforeMs)}`;
  return `${chain} ${range}${after}${before}`;
}

/** What is wrong, for people. */
export function findingProblem({ kind }: AuditFinding): string {
  return texts[kind];
}

export function findingOf(
  chain: ChainName,
  kind: FindingKind,
  range: { readonly from: number; readonly below: number },
  times: Pick<AuditFinding, 'afterMs' | 'beforeMs'> = { afterMs: null, beforeMs: null },
): AuditFinding {
  const [first, last] = [range.from, Math.max(range.from, range.below - 1)];
  const [firstInsertId, lastInsertId] = [insertIdOf(chain, first), insertIdOf(chain, last)];
  return { chain, kind, first, last, firstInsertId, lastInsertId, ...times };
}

/** Joins neighbours of one kind into one finding. */
export class FindingRun {
  readonly #chain: ChainName;
  readonly #check: AuditCheck;
  #open: { kind: FindingKind; from: number; below: number; afterMs: number | null } | null = null;
  #lastMs: number | null = null;

  constructor(chain: ChainName, check: AuditCheck) {
    this.#chain = chain;
    this.#check = check;
  }

  add(kind: FindingKind, from: number, below: number): void {
    const open = this.#open;
    if (open?.kind === kind && open.below === from) open.below = below;
    else {
      this.end();
      this.#open = { kind, from, below, afterMs: this.#lastMs };
    }
  }

  /** An entry of this time was read. */
  seen(timeMs: number): void {
    this.#lastMs = timeMs;
  }

  /** A good entry, of this time, or the end of the log. */
  end(beforeMs: number | null = null): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    this.#check.found(findingOf(this.#chain, open.kind, open, { afterMs: open.afterMs, beforeMs }));
  }
}
