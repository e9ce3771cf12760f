import { createHmac } from 'node:crypto';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { AckIds, type Mac } from './ack-id.ts';

const mac: Mac = (input, out) => {
  out.set(createHmac('sha256', 'a test key').update(input).digest().subarray(0, out.length));
};

const owner = { subscription: 7, lane: 3, epoch: 5 };
const ids = new AckIds(mac, owner);
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ä';

test('an id names its delivery, whatever its numbers', () => {
  const u48 = fc.maxSafeNat().map((n) => n % 2 ** 48);
  const u32 = fc.nat().map((n) => n * 2);
  fc.assert(
    fc.property(
      u48,
      u48,
      fc.nat(0xffff),
      u32,
      u32,
      fc.nat(200_000),
      (sequence, id, lane, epoch, generation, attempt) => {
        const some = new AckIds(mac, { subscription: id, lane, epoch });
        some.generation = generation;
        const ackId = some.make(sequence, attempt);
        expect(ackId).toMatch(/^[A-Za-z0-9_-]{52}$/);
        const target = { sequence, epoch, generation, attempt: attempt & 0xffff };
        expect(some.parse(ackId)).toEqual(target);
        expect(some.claimedSequence(ackId)).toBe(sequence);
      },
    ),
  );
});

test('two deliveries never have one id', () => {
  const made = new Set<string>();
  for (let sequence = 0; sequence < 50; sequence++) {
    for (let attempt = 1; attempt < 20; attempt++) made.add(ids.make(sequence, attempt));
  }
  expect(made.size).toBe(50 * 19);
});

describe('what is not genuine', () => {
  test('any changed character is refused', () => {
    // Sequences whose ids hold both characters that differ between the alphabets of base64.
    const made = Array.from({ length: 40 }, (_, i) => ids.make(i * 977, i)).filter((id) =>
      /-.*_|_.*-/.test(id),
    );
    expect(made.length).toBeGreaterThan(0);
    for (const ackId of made.slice(0, 3)) {
      for (let at = 0; at < ackId.length; at++) {
        for (const other of alphabet) {
          if (other === ackId[at]) continue;
          const changed = ackId.slice(0, at) + other + ackId.slice(at + 1);
          expect(ids.parse(changed), changed).toBeNull();
        }
      }
    }
  });

  test.each([
    ['nothing', ''],
    ['too short', ids.make(1, 1).slice(1)],
    ['too long', `${ids.make(1, 1)}A`],
    ['padded', `${ids.make(1, 1).slice(0, 51)}=`],
    ['another form of text', 'x'.repeat(52)],
    ['another form of the first version', 'x'.repeat(48)],
    ['characters of two bytes', 'ä'.repeat(52)],
    ['characters of two bytes, shorter', 'ä'.repeat(48)],
  ])('%s is refused', (_, ackId) => {
    expect(ids.parse(ackId)).toBeNull();
  });

  test.each([
    ['subscription', { ...owner, subscription: 8 }],
    ['lane', { ...owner, lane: 4 }],
  ])('an id of another %s is refused', (_, other) => {
    expect(ids.parse(new AckIds(mac, other).make(1, 1))).toBeNull();
  });

  test('an id made with another key is refused', () => {
    const forger: Mac = (input, out) => out.fill(input.length);
    expect(ids.parse(new AckIds(forger, owner).make(1, 1))).toBeNull();
  });
});

test('an id of an earlier epoch is genuine, and says so', () => {
  const earlier = new AckIds(mac, { ...owner, epoch: 4 });
  const ackId = earlier.make(9, 2);
  expect(ids.parse(ackId)).toEqual({ sequence: 9, epoch: 4, generation: 0, attempt: 2 });
  expect(ids.makeAgain(4, 9, 2)).toBe(ackId);
  expect(ids.parse(ids.make(9, 2))).toMatchObject({ epoch: 5 });
});

test('an id from before a seek is genuine, and says so', () => {
  const some = new AckIds(mac, owner);
  const before = some.make(9, 2);
  some.generation = 1;
  expect(some.make(9, 2)).not.toBe(before);
  expect(some.parse(before)).toMatchObject({ generation: 0 });
});

describe('version 1', () => {
  const clear = Buffer.alloc(22);
  clear[0] = 1;
  clear.writeUIntBE(owner.subscription, 1, 6);
  clear.writeUInt16BE(owner.lane, 7);
  clear.writeUInt32BE(owner.epoch, 9);
  clear.writeUIntBE(123_456, 14, 6);
  clear.writeUInt16BE(3, 20);
  const tag = new Uint8Array(16);
  mac(clear, tag);
  const ackId = Buffer.concat([clear, tag.subarray(0, 14)]).toString('base64url');

  test('is of generation 0', () => {
    const target = { sequence: 123_456, epoch: 5, generation: 0, attempt: 3 };
    expect(ids.parse(ackId)).toEqual(target);
    expect(ids.claimedSequence(ackId)).toBe(123_456);
  });

  test('is refused with any changed character', () => {
    for (let at = 0; at < ackId.length; at++) {
      const other = ackId[at] === 'A' ? 'B' : 'A';
      expect(ids.parse(ackId.slice(0, at) + other + ackId.slice(at + 1))).toBeNull();
    }
  });
});
