/** A DEK in use is unwrapped anew this long after its last unwrap (seed: every six minutes). */
export const refreshMs: number = 6 * 60_000;

/** Zeroed this long after its last successful unwrap, whatever happened since. */
export const lifetimeMs: number = 7 * 60_000;

/** Second look at a DEK that was idle when its refresh fell due. */
export const lastLookMs: number = lifetimeMs - 10_000;

/** Opens this soon after a DEK stopped sealing are the tail of its own deliveries, not new use. */
export const retiredGraceMs = 5_000;

/** A DEK seals for this long. */
export const rotationMs: number = 6 * 3_600_000;

/** And at most this long, when the key service could not be reached to make the next one. */
export const ceilingMs: number = 12 * 3_600_000;

/**
 * The next DEK is made between `leadMs` and `leadMs - leadSpreadMs` before it is needed. The lead
 * stays below `lifetimeMs - refreshMs`: the unwrap that proves the wrap is then the first of the
 * sixty that cover its six hours.
 */
export const leadMs = 30_000;
export const leadSpreadMs = 20_000;

/**
 * Where the key's owner allows less than that (DecryptResponse.cacheMs), a DEK lives no longer; but
 * so long after it came, or nobody could seal or open anything with it.
 */
export const leastUseMs = 250;

/** A DEK that lives shorter than this is not asked about ahead: who needs it next waits. */
export const shortLifeMs = 10_000;

/** The part of its life after which a DEK in use is unwrapped anew, and that of the second look. */
export const refreshFraction: number = refreshMs / lifetimeMs;
export const lastLookFraction: number = lastLookMs / lifetimeMs;

/** DEKs that are asked about at once when changes of keys went unheard. */
export const resyncsMax = 32;

/** After a refusal, the same answer is given this long without a call. */
export const refusalMs = 1_000;

/** Waits between the tries of a request that found nothing warm while the service is unreachable. */
export const coldRetryMs: readonly number[] = [100, 200, 400, 800, 1_600];

/** Waits in the background: from the first, doubling, to the second. */
export const refreshBackoffMs = { first: 1_000, longest: 5_000 } as const;
export const rotationBackoffMs = { first: 1_000, longest: 60_000 } as const;
export const watchBackoffMs = { first: 1_000, longest: 300_000 } as const;

/** What one DEK may seal, whatever its age (reference: AEAD limits, with a wide margin). */
export interface DekCaps {
  readonly segments: number;
  readonly bytes: number;
}

export const dekCaps: DekCaps = { segments: 2 ** 32, bytes: 2 ** 40 };

/** At this part of a cap the next DEK is made in the background. */
export const capLeadFraction: number = 15 / 16;
