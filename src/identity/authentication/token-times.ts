import type { JWTPayload } from 'jose';

export interface TokenTimes {
  /** How far clocks may differ. */
  readonly skewSeconds: number;
  /** From `iat`, or from now where there is none, to `exp`. */
  readonly lifetimeSecondsMax: number;
  readonly needsIssuedAt: boolean;
}

/** When a token ends, in ms since the Unix epoch; null if it is not good now (RFC 7519, 4.1). */
export function endOfToken(claims: JWTPayload, nowMs: number, times: TokenTimes): number | null {
  const { exp, iat, nbf } = claims;
  const latest = nowMs / 1_000 + times.skewSeconds;
  if (!isTime(exp) || exp + times.skewSeconds <= nowMs / 1_000) return null;
  if (!hasBegun(iat, latest) || !hasBegun(nbf, latest)) return null;
  if (iat === undefined && times.needsIssuedAt) return null;
  // Without `iat` it may be as old as our clock is ahead of its signer's.
  const lifetimeSeconds = exp - (iat ?? latest);
  const isSound = iat === undefined || lifetimeSeconds > 0;
  if (!isSound || lifetimeSeconds > times.lifetimeSecondsMax) return null;
  return (exp + times.skewSeconds) * 1_000;
}

/** True of a claim that is absent too. */
function hasBegun(at: unknown, latest: number): boolean {
  return at === undefined || (isTime(at) && at <= latest);
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < 2 ** 40;
