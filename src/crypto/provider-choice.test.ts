import { expect, test } from 'vitest';
import { nodeXchacha } from './node-aead.ts';
import { nobleXchacha } from './noble-aead.ts';
import { aeadProviders, bestOf } from './provider-choice.ts';
import { providersOf } from './providers.ts';
import { type AeadProvider, suiteIds } from './suite.ts';
import { type Clock, type Logger, silentLogger, SystemClock } from '../runtime/index.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';

interface Line {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function recorder(): { log: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const keep = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    lines.push({ fields, message });
  };
  return { log: { ...silentLogger, info: keep, warn: keep }, lines };
}

/** `inner`, whose sealed bytes pass through `change`. */
function changed(
  inner: AeadProvider,
  change: (index: number | bigint, sealed: Uint8Array) => void,
): AeadProvider {
  return {
    ...inner,
    importKey(bytes) {
      const key = inner.importKey(bytes);
      return {
        suite: key.suite,
        destroy: () => key.destroy(),
        segment(id) {
          const cipher = key.segment(id);
          return {
            open: (...call) => cipher.open(...call),
            seal(index, data, plaintext, out, at) {
              const written = cipher.seal(index, data, plaintext, out, at);
              change(index, out.subarray(at, at + written));
              return written;
            },
          };
        },
      };
    },
  };
}

const options = {
  clock: new VirtualClock() as Clock,
  entropy: new SeededEntropy(1),
  log: silentLogger,
};

test('seals with suite 2 by default and opens both suites', () => {
  const { log, lines } = recorder();
  const providers = aeadProviders({ ...options, clock: new SystemClock(), log });
  expect(providers.preferred.suite).toBe(suiteIds.xchacha20Poly1305);
  expect(providers.for(1)?.suite).toBe(1);
  expect(providers.for(2)).toBe(providers.preferred);
  expect(providers.for(0)).toBeUndefined();
  expect(providers.for(3)).toBeUndefined();
  expect(lines).toHaveLength(1);
  expect(lines[0]!.fields).toMatchObject({
    suite: 2,
    provider: providers.preferred.name,
    fips: false,
  });
});

test('seals with the suite that was asked for', () => {
  expect(aeadProviders({ ...options, suite: suiteIds.xaes256Gcm }).preferred.suite).toBe(1);
});

test('on a clock that stands still the first provider is taken, and the measuring ends', () => {
  expect(aeadProviders(options).preferred).toBe(providersOf(2)[0]);
});

test('a provider that misses a published answer is left out with a warning', () => {
  const { log, lines } = recorder();
  const broken = changed(nodeXchacha, (_, sealed) => {
    sealed[0]! ^= 1;
  });
  expect(bestOf([broken, nobleXchacha], { ...options, log }, {})).toBe(nobleXchacha);
  expect(lines[0]).toMatchObject({
    fields: { provider: 'node' },
    message: 'AEAD provider is left out',
  });
});

test('a provider that opens what was changed is left out', () => {
  const trusting: AeadProvider = {
    ...nobleXchacha,
    importKey(bytes) {
      const key = nobleXchacha.importKey(bytes);
      const segment: typeof key.segment = (id) => {
        const cipher = key.segment(id);
        return {
          seal: (...call) => cipher.seal(...call),
          open: (index, data, sealed, out, at) =>
            Math.abs(cipher.open(index, data, sealed, out, at)),
        };
      };
      return { suite: key.suite, destroy: () => key.destroy(), segment };
    },
  };
  expect(bestOf([trusting], options, {})).toBeUndefined();
});

test('providers that pass the published answers but differ from each other stop the start', () => {
  const subtle = changed(nodeXchacha, (index, sealed) => {
    if (typeof index === 'number') sealed[3]! ^= 1;
  });
  expect(() => bestOf([subtle, nobleXchacha], options, {})).toThrow(
    /seal differently: node, noble/,
  );
});

test('the fastest wins, not the first', () => {
  const clock = new SystemClock();
  const rates: Record<string, number> = {};
  const best = bestOf([nobleXchacha, nodeXchacha], { ...options, clock }, rates);
  const fastest = Object.entries(rates).toSorted((a, b) => b[1] - a[1])[0]![0];
  expect(best?.name).toBe(fastest);
  expect(Object.keys(rates)).toEqual(['noble', 'node']);
});
