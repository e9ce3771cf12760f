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
const warmUpMs = 1;
const measureMs = 4;

/**
 * Checks every provider that loads against published answers and against the others, and keeps the
 * fastest of each suite. Logs one line. A provider that fails is left out with a warning.
 *
 * @throws InvariantError if the suite asked for has no working provider here.
 */
export function aeadProviders(options: ChoiceOptions): SuiteProviders {
  const { log } = options;
  if (sodiumLoadError !== null) log.warn({ reason: sodiumLoadError }, 'sodium-native is not used');
  const chosen = new Map<number, AeadProvider>();
  const rates: Record<string, number> = {};
  for (const suite of Object.values(suiteIds)) {
    const working = agreeing(
      providersOf(suite).filter((provider) => answersWell(provider, log)),
      options,
    );
    const best = fastest(working, options, rates);
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

function answersWell(provider: AeadProvider, log: Logger): boolean {
  const failure = failedAnswer(provider);
  if (failure !== null) {
    log.warn(
      { suite: provider.suite, provider: provider.name, reason: failure },
      'AEAD provider failed its check',
    );
  }
  return failure === null;
}

/** Those that seal random bytes as the last one does, which is the plainest code. */
function agreeing(
  providers: readonly AeadProvider[],
  { entropy, log }: ChoiceOptions,
): AeadProvider[] {
  const sample = drawSample(entropy);
  const reference = providers.at(-1);
  if (!reference) return [];
  const expected = sealSample(reference, sample);
  return providers.filter((provider) => {
    const agrees = equalBytes(sealSample(provider, sample), expected);
    if (!agrees)
      log.warn(
        { suite: provider.suite, provider: provider.name },
        'AEAD provider disagrees with the others',
      );
    return agrees;
  });
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
  { clock, entropy }: ChoiceOptions,
  rates: Record<string, number>,
): AeadProvider | undefined {
  if (providers.length < 2) return providers[0];
  const sample = drawSample(entropy);
  let best: AeadProvider | undefined;
  let bestRate = -1;
  for (const provider of providers) {
    sealFor(warmUpMs, provider, sample, clock);
    const rate = sealFor(measureMs, provider, sample, clock);
    rates[provider.name] = Math.round(rate);
    if (rate > bestRate) [best, bestRate] = [provider, rate];
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
