import { assert, type Clock, draw, type Entropy, type Logger } from '../runtime/index.ts';
import { equalBytes } from './bytes.ts';
import { failedAnswer } from './known-answers.ts';
import { defaultSuite, providersOf } from './providers.ts';
import { isFipsMode, sodiumLoadError } from './sodium.ts';
import {
  type AeadProvider,
  keyBytes,
  segmentIdBytes,
  type SuiteId,
  suiteIds,
  tagBytes,
} from './suite.ts';

export interface ChoiceOptions {
  /** The suite to seal with; XChaCha20-Poly1305 unless FIPS mode permits only XAES-256-GCM. */
  readonly suite?: SuiteId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
}

/** The provider of each suite, checked and measured once at start. */
export interface SuiteProviders {
  /** Seals whatever is new. */
  readonly preferred: AeadProvider;
  /** Opens what any suite sealed. Undefined for an unknown id, and for suite 2 in FIPS mode. */
  for(suite: number): AeadProvider | undefined;
}

const sampleBytes = 1024;
const sealsPerLook = 32;
const sealsMax = 4096;
/** Rounds are interleaved and the best one counts: another process may take the core in any. */
const rounds = 4;
const roundMs = 1;

/**
 * Checks every provider that loads against published answers and against the others, and keeps the
 * fastest of each suite. Logs one line. A provider that fails is left out with a warning.
 *
 * @throws InvariantError if the suite asked for has no working provider here, or two of them differ.
 */
export function aeadProviders(options: ChoiceOptions): SuiteProviders {
  const { log } = options;
  if (sodiumLoadError !== null) log.warn({ reason: sodiumLoadError }, 'sodium-native is not used');
  const chosen = new Map<number, AeadProvider>();
  const rates: Record<string, number> = {};
  for (const suite of Object.values(suiteIds)) {
    const best = bestOf(providersOf(suite), options, rates);
    if (best) chosen.set(suite, best);
  }
  const preferred = chosen.get(options.suite ?? defaultSuite);
  assert(preferred !== undefined, 'no working provider for the AEAD suite');
  const fields = {
    suite: preferred.suite,
    provider: preferred.name,
    sealsPerSecond: rates,
    fips: isFipsMode,
  };
  log.info(fields, 'chose the AEAD provider');
  return { preferred, for: (suite) => chosen.get(suite) };
}

/**
 * The fastest of one suite's providers that answers well; undefined if none does. Adds to `rates`
 * what was measured.
 *
 * @throws InvariantError if two that answer well seal the same input differently: one of them would
 *   write what the other cannot read, and nothing here can tell which.
 */
export function bestOf(
  candidates: readonly AeadProvider[],
  options: ChoiceOptions,
  rates: Record<string, number>,
): AeadProvider | undefined {
  const working = candidates.filter((provider) => answersWell(provider, options.log));
  const sample = drawSample(options.entropy);
  const sealed = working.map((provider) => sealSample(provider, sample));
  assert(
    sealed.every((bytes) => equalBytes(bytes, sealed[0]!)),
    `AEAD providers seal differently: ${working.map((provider) => provider.name).join(', ')}`,
  );
  return fastest(working, sample, options.clock, rates);
}

function answersWell(provider: AeadProvider, log: Logger): boolean {
  const reason = failedAnswer(provider);
  if (reason === null) return true;
  log.warn({ suite: provider.suite, provider: provider.name, reason }, 'AEAD provider is left out');
  return false;
}

interface Sample {
  readonly key: Uint8Array;
  readonly id: Uint8Array;
  readonly associatedData: Uint8Array;
  readonly plaintext: Uint8Array;
}

function drawSample(entropy: Entropy): Sample {
  return {
    key: draw(entropy, keyBytes),
    id: draw(entropy, segmentIdBytes),
    associatedData: draw(entropy, 38),
    plaintext: draw(entropy, sampleBytes),
  };
}

function sealSample(provider: AeadProvider, sample: Sample): Uint8Array {
  const key = provider.importKey(sample.key);
  const sealed = new Uint8Array(sampleBytes + tagBytes);
  key.segment(sample.id).seal(1, sample.associatedData, sample.plaintext, sealed, 0);
  key.destroy();
  return sealed;
}

/** The one with the highest rate; at a tie the earlier. Nothing is measured if there is no choice. */
function fastest(
  providers: readonly AeadProvider[],
  sample: Sample,
  clock: Clock,
  rates: Record<string, number>,
): AeadProvider | undefined {
  if (providers.length < 2) return providers[0];
  let best: AeadProvider | undefined;
  let bestRate = -1;
  for (let round = 0; round < rounds; round++) {
    for (const provider of providers) {
      const rate = sealFor(roundMs, provider, sample, clock);
      rates[provider.name] = Math.max(rates[provider.name] ?? 0, Math.round(rate));
      if (rate > bestRate) [best, bestRate] = [provider, rate];
    }
  }
  return best;
}

/** Seals until `budgetMs` have passed, or often enough; seals per second, 0 if no time passed. */
function sealFor(budgetMs: number, provider: AeadProvider, sample: Sample, clock: Clock): number {
  const key = provider.importKey(sample.key);
  const cipher = key.segment(sample.id);
  const sealed = new Uint8Array(sampleBytes + tagBytes);
  const startMs = clock.monotonicMs();
  let elapsedMs = 0;
  let count = 0;
  while (elapsedMs < budgetMs && count < sealsMax) {
    for (let i = 0; i < sealsPerLook; i++) {
      cipher.seal(count++, sample.associatedData, sample.plaintext, sealed, 0);
    }
    elapsedMs = clock.monotonicMs() - startMs;
  }
  key.destroy();
  return elapsedMs > 0 ? (count / elapsedMs) * 1000 : 0;
}
