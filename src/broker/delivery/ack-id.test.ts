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
      fc.nat(200_000),
      (sequence, id, lane, epoch, attempt) => {
        const some = new AckIds(mac, { subscription: id, lane, epoch });
        const ackId = some.make(sequence, attempt);
        expect(ackId).toMatch(/^[A-Za-z0-9_-]{48}$/);
        expect(some.parse(ackId)).toEqual({ sequence, epoch, attempt: attempt & 0xffff });
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
    ['padded', `${ids.make(1, 1).slice(0, 47)}=`],
    ['another form of text', 'x'.repeat(48)],
    ['characters of two bytes', 'ä'.repeat(48)],
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
  expect(ids.parse(earlier.make(9, 2))).toEqual({ sequence: 9, epoch: 4, attempt: 2 });
});
