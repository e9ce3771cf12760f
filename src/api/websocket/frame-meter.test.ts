import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bytesOf, type RawFrame } from '../../../test/support/raw-socket.ts';
import { FrameMeter } from './frame-meter.ts';

const frame = (
  opcode: number,
  length: number,
  fin: boolean = true,
  masked: boolean = true,
): RawFrame => ({ opcode, fin, masked, payload: new Uint8Array(length) });

describe('what a meter holds', () => {
  test('is nothing between messages, and all of one that has begun', () => {
    const meter = new FrameMeter();
    const whole = bytesOf(frame(1, 200));
    meter.count(whole);
    expect(meter.heldBytes).toBe(0);
    meter.count(whole.subarray(0, 100));
    expect(meter.heldBytes).toBe(100);
    meter.count(whole.subarray(100));
    expect(meter.heldBytes).toBe(0);
  });

  test('goes on over fragments, and over control frames between them', () => {
    const meter = new FrameMeter();
    meter.count(bytesOf(frame(2, 10, false)));
    expect(meter.heldBytes).toBe(16);
    meter.count(bytesOf(frame(9, 5)));
    meter.count(bytesOf(frame(0, 10, false)));
    expect(meter.heldBytes).toBe(16 + 11 + 16);
    meter.count(bytesOf(frame(0, 0)));
    expect(meter.heldBytes).toBe(0);
  });

  test('is nothing after whole messages, however they are cut into chunks', () => {
    const sizes = fc.constantFrom(0, 1, 125, 126, 300, 65_535, 65_536);
    const messages = fc.array(fc.tuple(sizes, fc.array(sizes, { maxLength: 3 })), {
      maxLength: 4,
    });
    const cuts = fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(messages, cuts, (all, steps) => {
        const frames = all.flatMap(([first, more]) => [
          frame(2, first, more.length === 0),
          ...more.map((length, at) => frame(0, length, at === more.length - 1)),
        ]);
        const bytes = Buffer.concat(frames.map(bytesOf));
        const meter = new FrameMeter();
        let at = 0;
        for (let step = 0; at < bytes.length; step++) {
          const end = at + 1 + steps[step % steps.length]! * (step % 3 === 0 ? 300 : 1);
          meter.count(bytes.subarray(at, end));
          at = end;
          if (at < bytes.length) expect(meter.heldBytes).toBeLessThanOrEqual(at);
        }
        expect(meter.heldBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
