import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseKmsName, requireId, requireLocation, requireName, versionName } from './names.ts';

const id = fc.stringMatching(/^[a-zA-Z0-9_-]{1,63}$/);
const project = fc.constantFrom('p', 'my-project', 'example.com:legacy', '123456789012', 'A~b!c');
const location = fc.constantFrom('global', 'us-central1', 'eur4');

describe('names', () => {
  test('of every kind come apart and go together again', () => {
    fc.assert(
      fc.property(
        project,
        location,
        id,
        id,
        fc.integer({ min: 1, max: 999_999_999 }),
        (...parts) => {
          const [p, l, r, k, version] = parts;
          const keyRing = `projects/${p}/locations/${l}/keyRings/${r}`;
          const cryptoKey = `${keyRing}/cryptoKeys/${k}`;
          const base = { project: p, location: l, keyRing };
          expect(parseKmsName(keyRing)).toEqual({ kind: 'KeyRing', ...base });
          expect(parseKmsName(cryptoKey)).toEqual({ kind: 'CryptoKey', ...base, cryptoKey });
          expect(parseKmsName(versionName(cryptoKey, version))).toEqual({
            kind: 'CryptoKeyVersion',
            ...base,
            cryptoKey,
            version,
          });
        },
      ),
    );
  });

  test('whatever else a name may be, it is refused or means exactly itself', () => {
    const segment = fc.oneof(
      fc.constantFrom(
        'projects',
        'locations',
        'keyRings',
        'cryptoKeys',
        'cryptoKeyVersions',
        '',
        '-',
      ),
      fc.string({ maxLength: 8 }),
      id,
    );
    const texts = fc.array(segment, { maxLength: 12 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.oneof(texts, fc.string()), (text) => {
        const name = parseKmsName(text);
        if (name === null) return;
        const whole =
          name.version === undefined
            ? (name.cryptoKey ?? name.keyRing)
            : versionName(name.cryptoKey!, name.version);
        expect(whole).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    'projects/p/locations/global/keyRings/',
    'projects//locations/global/keyRings/r',
    'projects/p q/locations/global/keyRings/r',
    'projects/p/locations/glob al/keyRings/r',
    `projects/p/locations/global/keyRings/${'r'.repeat(64)}`,
    'projects/p/locations/global/keyRings/r/cryptoKeys/k.k',
    'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/01',
    'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/0',
    'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/9999999999',
    'projects/p/locations/global/keyRings/r\n',
    'projects/\u{1f511}/locations/global/keyRings/r',
  ])('%j names nothing', (name) => {
    expect(parseKmsName(name)).toBeNull();
    expect(() => requireName(name, 'KeyRing')).toThrow(/must match/);
  });

  test('ids and locations follow their patterns', () => {
    for (const wrong of ['', 'a b', 'a/b', 'ä', 'x'.repeat(64)]) {
      expect(() => requireId(wrong, 'key_ring_id')).toThrow(
        'Request field key_ring_id must match [a-zA-Z0-9_-]{1,63}.',
      );
    }
    expect(requireLocation('projects/p/locations/global')).toBe('p');
    for (const wrong of ['projects/p', 'projects/p/locations/', 'projects/p/locations/a/b']) {
      expect(() => requireLocation(wrong)).toThrow(/must match projects/);
    }
  });
});
