import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { type ImageConfigPlace, openImageConfig, sealImageConfig } from './image-config-seal.ts';

const at: ImageConfigPlace = {
  key: new Uint8Array(32).fill(7),
  keyId: new Uint8Array(16).fill(9),
  place: { project: 'p', serviceUid: 'uid', key: 'projects/p/k' },
  manifestDigest: `sha256:${'ab'.repeat(32)}`,
};
const config = new TextEncoder().encode('{"config":{"Env":["TOKEN=precious"]}}');
const sealed = sealImageConfig(at, config, new SeededEntropy(1));
const tampered = expect.objectContaining({ code: 'DATA_LOSS', reason: 'IMAGE_CONFIG_TAMPERED' });

test('a config opens where it was sealed, and shows nothing before', () => {
  expect(openImageConfig(at, sealed)).toEqual(config);
  expect(Buffer.from(sealed).includes('precious')).toBe(false);
});

const elsewhere: Record<string, ImageConfigPlace> = {
  manifest: { ...at, manifestDigest: `sha256:${'cd'.repeat(32)}` },
  project: { ...at, place: { ...at.place, project: 'q' } },
  service: { ...at, place: { ...at.place, serviceUid: 'another' } },
  'key of the place': { ...at, place: { ...at.place, key: null } },
  'DEK id': { ...at, keyId: new Uint8Array(16) },
  DEK: { ...at, key: new Uint8Array(32) },
  'edge between two parts': { ...at, place: { ...at.place, project: 'pu', serviceUid: 'id' } },
};

test.each(Object.entries(elsewhere))('a config does not open for another %s', (_, other) => {
  expect(() => openImageConfig(other, sealed)).toThrow(tampered);
});

test('a config that was changed or cut does not open', () => {
  fc.assert(
    fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openImageConfig(at, changed)).toThrow(tampered);
      expect(() => openImageConfig(at, sealed.subarray(0, bit >> 3))).toThrow(tampered);
    }),
  );
});
