import type { KeyState } from './key-state.ts';
import type { KeyVerdict } from './key-verdict.ts';

/** What the last check of the primary version, and of others that are needed, came to. */
export interface KeyFindings {
  /** Null: the whole check passed. */
  readonly primary: KeyVerdict | null;
  readonly primaryVersion: string | undefined;
  readonly refused: ReadonlyMap<string, KeyVerdict>;
}

/**
 * The verdict on a key: it is only as good as each version that is needed. A definite refusal, of
 * whatever version, outweighs what says nothing definite. Null: good.
 */
export function worstOf({ primary, refused }: KeyFindings): KeyVerdict | null {
  if (primary?.condition === 'REVOKED') return primary;
  const others = [...refused.values()];
  return others.find(({ condition }) => condition === 'REVOKED') ?? primary ?? others[0] ?? null;
}

/** The state that follows from `before`: times go on where the condition, or the cause, does. */
export function nextState(
  before: KeyState | null,
  findings: KeyFindings,
  times: { readonly nowMs: number; readonly checkedMs: number },
): KeyState {
  const verdict = worstOf(findings);
  const { primaryVersion } = findings;
  const condition = verdict?.condition ?? 'ENABLED';
  return {
    condition,
    ...causeOf(before, verdict, times.nowMs),
    message: verdict?.message ?? '',
    sinceMs: before?.condition === condition ? before.sinceMs : times.nowMs,
    checkedMs: times.checkedMs,
    ...(primaryVersion !== undefined && { keyVersion: primaryVersion }),
  };
}

function causeOf(
  before: KeyState | null,
  verdict: KeyVerdict | null,
  nowMs: number,
): Pick<KeyState, 'cause' | 'causeSinceMs'> {
  if (verdict?.cause === undefined) return {};
  const { cause } = verdict;
  const sinceMs = before?.cause === cause ? before.causeSinceMs : undefined;
  return { cause, causeSinceMs: sinceMs ?? nowMs };
}

/** Whether listeners are to hear of it. */
export function isChange(before: KeyState | null, after: KeyState): boolean {
  return before?.condition !== after.condition || before.cause !== after.cause;
}
