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
  const nowSeconds = nowMs / 1_000;
  const { skewSeconds, lifetimeSecondsMax } = times;
  if (!isTime(exp) || exp + skewSeconds <= nowSeconds) return null;
  if (iat === undefined ? times.needsIssuedAt : !isTime(iat)) return null;
  if (iat !== undefined && iat - skewSeconds > nowSeconds) return null;
  if (nbf !== undefined && (!isTime(nbf) || nbf - skewSeconds > nowSeconds)) return null;
  const beginsAt = iat ?? nowSeconds;
  if (exp <= beginsAt && iat !== undefined) return null;
  if (exp - beginsAt > lifetimeSecondsMax + (iat === undefined ? skewSeconds : 0)) return null;
  return (exp + skewSeconds) * 1_000;
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < 2 ** 40;
