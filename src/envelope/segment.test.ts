import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EnvelopeError, type EnvelopeReason } from './envelope-error.ts';
import type { FilterSection } from './filter-section.ts';
import { segmentBodyBytes, segmentPlainBytes, type SegmentPlace } from './segment.ts';
import {
  openSegment,
  segmentDekVersion,
  segmentFilters,
  type StoredSegment,
  verifiedFilters,
  verifySeal,
} from './segment-opener.ts';
import { sealSegment } from './segment-sealer.ts';
import { aeadProviders, sealIndex, suiteIds, type SuiteId } from '../crypto/index.ts';
import { draw, silentLogger } from '../runtime/index.ts';
import { segmentKinds } from '../storage/index.ts';
import { toHex } from '../../test/support/hex.ts';
import { PlainDek } from '../../test/support/plain-dek.ts';
import { SeededEntropy } from '../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';

const entropy = new SeededEntropy(11);
const providers = aeadProviders({ clock: new VirtualClock(), entropy, log: silentLogger });
const dekBytes = draw(entropy, 32);

function dekOf(suite: SuiteId, bytes: Uint8Array = dekBytes, version: number = 7): PlainDek {
  return new PlainDek(providers.for(suite)!, bytes, version);
}

const place: SegmentPlace = {
  topicUid: draw(entropy, 16),
  lane: 3,
  base: 2 ** 40 + 5,
  epoch: 9,
  timeMs: 1_767_225_600_123,
};

function messagesOf(sizes: readonly number[]): { bytes: Uint8Array }[] {
  return sizes.map((size) => ({ bytes: draw(entropy, size) }));
}

const sizes = [20, 0, 1, 33];
const messages = messagesOf(sizes);

/** Why a segment does not open; fails the test if it does, or throws anything but EnvelopeError. */
function refusal(dek: PlainDek, place: SegmentPlace, segment: StoredSegment): EnvelopeReason {
  try {
    openSegment(dek, place, segment);
  } catch (error) {
    if (error instanceof EnvelopeError) return error.reason;
    throw error;
  }
  throw new Error('the segment opened');
}

describe.each([
  ['XAES-256-GCM', suiteIds.xaes256Gcm],
  ['XChaCha20-Poly1305', suiteIds.xchacha20Poly1305],
] as const)('a message segment under %s', (_, suite) => {
  const dek = dekOf(suite);
  const id = draw(entropy, 16);
  const body = sealSegment(dek, id, place, messages);
  const segment: StoredSegment = { id, count: messages.length, body };
  const clear = 8 + 4 * sizes.length;

  test('opens to its messages, in order', () => {
    const opened = openSegment(dek, place, segment);
    expect(opened).toMatchObject({ base: place.base, count: 4, timeMs: place.timeMs });
    expect([...opened.offsets]).toEqual([0, 20, 20, 21, 54]);
    for (const [i, message] of messages.entries()) {
      const bytes = opened.bytes.subarray(opened.offsets[i], opened.offsets[i + 1]);
      expect(new Uint8Array(bytes)).toEqual(message.bytes);
    }
  });

  test('has exactly the size that was announced, which its DEK was told', () => {
    const own = dekOf(suite);
    const sealed = sealSegment(own, id, place, messages);
    expect(sealed.length).toBe(segmentBodyBytes(sizes, null));
    expect(sealed.length).toBe(clear + 54 + 5 * 16);
    expect(own.accounted).toEqual([sealed.length]);
  });

  test('is in a buffer of its own', () => {
    expect(body.buffer.byteLength).toBe(body.length);
    const { bytes } = openSegment(dek, place, segment);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('names its DEK version, and verifies without being opened', () => {
    expect(segmentDekVersion(body)).toBe(7);
    expect([...verifySeal(dek, place, segment)]).toEqual([0, 20, 20, 21, 54]);
  });

  test('opens whatever the number and the sizes of its messages', () => {
    const anySizes = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(anySizes, (sizes) => {
        const messages = messagesOf(sizes);
        const segment = { id, count: sizes.length, body: sealSegment(dek, id, place, messages) };
        const { bytes } = openSegment(dek, place, segment);
        expect(bytes.equals(Buffer.concat(messages.map((message) => message.bytes)))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('is refused after a change of any one bit', () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = body.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const reason = refusal(dek, place, { ...segment, body: changed });
      // A flipped suite bit can give the other suite; format knows only one value, flags two.
      const isUnknown =
        bit < 8 || (bit >= 16 && bit < 32 && bit !== 24) || (bit < 16 && changed[1]! !== 3 - suite);
      expect(reason, `bit ${bit}`).toBe(isUnknown ? 'unsupported' : 'tampered');
    }
  });

  test('verifying the seal alone notices every changed clear or seal bit', () => {
    const at = [
      ...Array(clear).keys(),
      ...Array.from({ length: 16 }, (_, i) => body.length - 1 - i),
    ];
    for (const byte of at) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = body.slice();
        changed[byte]! ^= 1 << bit;
        expect(() => verifySeal(dek, place, { ...segment, body: changed })).toThrow(EnvelopeError);
      }
    }
  });

  test('is refused when anything the store keeps beside the body was changed', () => {
    for (let at = 0; at < 16; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const uid = place.topicUid.slice();
        uid[at]! ^= 1 << bit;
        expect(refusal(dek, { ...place, topicUid: uid }, segment)).toBe('tampered');
        const other = id.slice();
        other[at]! ^= 1 << bit;
        expect(refusal(dek, place, { ...segment, id: other })).toBe('tampered');
      }
    }
    for (const field of ['base', 'epoch', 'timeMs'] as const) {
      for (let bit = 0; bit < 53; bit++) {
        const changed = Number(BigInt(place[field]) ^ (1n << BigInt(bit)));
        expect(refusal(dek, { ...place, [field]: changed }, segment), `${field} bit ${bit}`).toBe(
          'tampered',
        );
      }
    }
    for (let bit = 0; bit < 32; bit++) {
      const lane = (place.lane ^ (1 << bit)) >>> 0;
      expect(refusal(dek, { ...place, lane }, segment)).toBe('tampered');
    }
  });

  test('is refused with another number of messages', () => {
    for (const count of [0, 1, 3, 5, 8, 1000, 2 ** 20]) {
      expect(refusal(dek, place, { ...segment, count })).toBe('tampered');
    }
  });

  test('is refused at every other length', () => {
    for (let length = 0; length < body.length; length++) {
      expect(refusal(dek, place, { ...segment, body: body.subarray(0, length) })).toBe('tampered');
    }
    const longer = Uint8Array.of(...body, 0);
    expect(refusal(dek, place, { ...segment, body: longer })).toBe('tampered');
  });

  test('is refused when two of its messages were swapped', () => {
    const same = messagesOf([24, 24]);
    const body = sealSegment(dek, id, place, same);
    const swapped = body.slice();
    swapped.set(body.subarray(16, 56), 56);
    swapped.set(body.subarray(56, 96), 16);
    expect(refusal(dek, place, { id, count: 2, body: swapped })).toBe('tampered');
  });

  test('is refused with a message, or a seal, of another segment of its DEK', () => {
    const otherId = draw(entropy, 16);
    const other = sealSegment(dek, otherId, place, messages);
    const withMessage = body.slice();
    withMessage.set(other.subarray(clear, clear + 36), clear);
    expect(refusal(dek, place, { ...segment, body: withMessage })).toBe('tampered');
    const withSeal = body.slice();
    withSeal.set(other.subarray(-16), body.length - 16);
    expect(refusal(dek, place, { ...segment, body: withSeal })).toBe('tampered');
    expect(refusal(dek, place, { ...segment, body: other })).toBe('tampered');
  });

  test('is refused under another DEK, whether or not the version is the same', () => {
    const otherBytes = draw(entropy, 32);
    expect(refusal(dekOf(suite, otherBytes, 7), place, segment)).toBe('tampered');
    expect(refusal(dekOf(suite, otherBytes, 8), place, segment)).toBe('tampered');
    expect(refusal(dekOf(suite, dekBytes, 8), place, segment)).toBe('tampered');
  });

  test('is refused when it was renamed to another DEK version of the same key', () => {
    const renamed = body.slice();
    renamed[7] = 8;
    expect(refusal(dekOf(suite, dekBytes, 8), place, { ...segment, body: renamed })).toBe(
      'tampered',
    );
  });

  test('is refused by a DEK of the other suite', () => {
    const otherSuite =
      suite === suiteIds.xaes256Gcm ? suiteIds.xchacha20Poly1305 : suiteIds.xaes256Gcm;
    expect(refusal(dekOf(otherSuite), place, segment)).toBe('tampered');
  });

  test('does not open once its DEK is dead', () => {
    const own = dekOf(suite);
    own.destroy();
    expect(() => openSegment(own, place, segment)).toThrow(/after its end/);
    expect(() => sealSegment(own, id, place, messages)).toThrow(/after its end/);
  });

  test('can be opened by the documented nonces and associated data alone', () => {
    const opened = Buffer.alloc(20);
    const data = Buffer.concat([
      Buffer.from([1, suite]),
      place.topicUid,
      u32(place.lane),
      u64(place.base),
      u64(place.timeMs),
    ]);
    const cipher = dek.segment(id);
    expect(cipher.open(0, data, body.subarray(clear, clear + 36), opened, 0)).toBe(20);
    expect(new Uint8Array(opened)).toEqual(messages[0]!.bytes);
    const sealData = Buffer.concat([
      Buffer.from('sealpost/segment-seal/v1'),
      place.topicUid,
      u32(place.lane),
      u64(place.base),
      u32(4),
      u64(place.epoch),
      id,
      u64(place.timeMs),
      Buffer.from([segmentKinds.messages]),
      body.subarray(0, clear),
    ]);
    expect(cipher.open(sealIndex, sealData, body.subarray(-16), opened, 0)).toBe(0);
  });
});

describe('a message segment with filter bits', () => {
  const dek = dekOf(suiteIds.xchacha20Poly1305);
  const id = draw(entropy, 16);
  const filters: FilterSection = {
    slots: [3, 2 ** 32 - 1],
    bits: Uint8Array.of(0b0000_0101, 0b0000_1110),
  };
  const body = sealSegment(dek, id, place, messages, { filters });
  const segment: StoredSegment = { id, count: 4, body };
  const section = 2 + 2 * 4 + 2;
  const clear = 8 + 4 * sizes.length + section;

  test('has its section after the sizes, and is otherwise laid out like any other', () => {
    expect(body.length).toBe(sealSegment(dek, id, place, messages).length + section);
    expect(body.length).toBe(segmentBodyBytes(sizes, filters));
    expect(segmentPlainBytes(body, 4)).toBe(54);
    expect([...body.subarray(2, 4)]).toEqual([0, 1]);
    expect(toHex(body.subarray(24, clear))).toBe('000200000003ffffffff050e');
  });

  test('opens to its messages and its bits, which are a copy', () => {
    const opened = openSegment(dek, place, segment);
    expect([...opened.offsets]).toEqual([0, 20, 20, 21, 54]);
    expect(opened.filters).toEqual(filters);
    expect(opened.filters?.bits.buffer.byteLength).toBe(2);
    expect(verifiedFilters(dek, place, segment)).toEqual(filters);
    expect(segmentFilters(body, 4)).toEqual(filters);
  });

  test('one without them says so', () => {
    const bare = { id, count: 4, body: sealSegment(dek, id, place, messages) };
    expect(openSegment(dek, place, bare).filters).toBeNull();
    expect(verifiedFilters(dek, place, bare)).toBeNull();
    expect(segmentFilters(bare.body, 4)).toBeNull();
  });

  test('is refused after a change of any one bit, by opening and by its seal alone', () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = body.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openSegment(dek, place, { ...segment, body: changed })).toThrow(EnvelopeError);
      // Between the clear bytes and the seal only the messages' own tags notice.
      if (bit >= clear * 8 && bit < (body.length - 16) * 8) continue;
      expect(() => verifiedFilters(dek, place, { ...segment, body: changed })).toThrow(
        EnvelopeError,
      );
    }
  });

  test('is refused with the section of another segment, and with none', () => {
    const other: FilterSection = { slots: [4, 2 ** 32 - 1], bits: filters.bits };
    const moved = body.slice();
    moved.set(sealSegment(dek, id, place, messages, { filters: other }).subarray(24, clear), 24);
    expect(refusal(dek, place, { ...segment, body: moved })).toBe('tampered');
    const without = Uint8Array.of(...body.subarray(0, 24), ...body.subarray(clear));
    without[3] = 0;
    expect(refusal(dek, place, { ...segment, body: without })).toBe('tampered');
  });

  test('is refused at every other length and with every other count', () => {
    for (let length = 0; length < body.length; length++) {
      expect(refusal(dek, place, { ...segment, body: body.subarray(0, length) })).toBe('tampered');
      expect(() => segmentPlainBytes(body.subarray(0, length), 4)).not.toThrow();
    }
    for (const count of [0, 1, 3, 5, 8, 9, 1000, 2 ** 20]) {
      expect(refusal(dek, place, { ...segment, count })).toBe('tampered');
      expect(() => segmentPlainBytes(body, count)).not.toThrow();
    }
  });

  test('takes a bit of each message for each slot, and no other number', () => {
    const nine = messagesOf(Array.from({ length: 9 }, () => 1));
    const seal = (filters: FilterSection): unknown =>
      sealSegment(dek, id, place, nine, { filters });
    const bits = new Uint8Array(4);
    expect(() => seal({ slots: [1, 2], bits })).not.toThrow();
    expect(() => seal({ slots: [1], bits })).toThrow(/a bit of each message/);
    expect(() => seal({ slots: [], bits: new Uint8Array(0) })).toThrow(/1 .. 65,535 slots/);
  });
});

test('an unknown format, suite or flag is unsupported, not tampered', () => {
  const dek = dekOf(suiteIds.xchacha20Poly1305);
  const id = draw(entropy, 16);
  const body = sealSegment(dek, id, place, messages);
  for (const [at, value] of [
    [0, 2],
    [1, 3],
    [1, 0],
    [2, 1],
    [3, 2],
    [3, 3],
  ] as const) {
    const changed = body.slice();
    changed[at] = value;
    expect(refusal(dek, place, { id, count: 4, body: changed })).toBe('unsupported');
    expect(() => segmentDekVersion(changed)).toThrow(EnvelopeError);
  }
});

test('the same input seals to the same bytes: a lost answer can be sent again', () => {
  const id = draw(entropy, 16);
  for (const suite of Object.values(suiteIds)) {
    const [a, b] = [dekOf(suite), dekOf(suite)];
    expect(sealSegment(a, id, place, messages)).toEqual(sealSegment(b, id, place, messages));
  }
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
