import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type AccessBench,
  makeAccount,
  openAccessBench,
  selfSigned,
} from '../../../test/support/access-bench.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { RpcError } from '../../rpc/index.ts';
import { type Attempt, AttemptThrottle, placeOf } from './attempt-throttle.ts';

const minuteMs = 60_000;
const guesser: Attempt = { address: '203.0.113.7', identity: 'victim' };

function throttle(placesMax = 1_000): { clock: VirtualClock; made: AttemptThrottle } {
  const clock = new VirtualClock();
  return { clock, made: new AttemptThrottle(clock, placesMax) };
}

describe('who guesses', () => {
  test('fails at once five times, then later and later, then is not checked', () => {
    const { made } = throttle();
    const delays = Array.from({ length: 10 }, () => made.failed(guesser));
    expect(delays).toEqual([0, 0, 0, 0, 0, 100, 200, 400, 800, 1_600]);
    expect(made.waitMs(guesser)).toBe(0);
    made.failed(guesser);
    expect(made.waitMs(guesser)).toBe(1_000);
  });

  test('waits twice as long each time, and never above a minute', async () => {
    const { clock, made } = throttle();
    for (let i = 0; i < 10; i++) made.failed(guesser);
    const waits: number[] = [];
    for (let i = 0; i < 10; i++) {
      made.failed(guesser);
      waits.push(made.waitMs(guesser));
      await clock.advance(waits.at(-1)!);
      expect(made.waitMs(guesser)).toBe(0);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map((s) => s * 1_000));
  });

  test('is forgotten after a quarter of an hour of quiet', async () => {
    const { clock, made } = throttle();
    for (let i = 0; i < 30; i++) made.failed(guesser);
    await clock.advance(15 * minuteMs + 1);
    expect(made.waitMs(guesser)).toBe(0);
    expect(made.failed(guesser)).toBe(0);
  });

  test('gains nothing by another address of his /64, nor by claiming another identity', () => {
    const { made } = throttle();
    for (let i = 0; i < 11; i++) {
      made.failed({ address: `2001:db8:1:2::${i}`, identity: `guess ${i}` });
    }
    expect(made.waitMs({ address: '2001:db8:1:2:ffff::1', identity: 'new' })).toBe(1_000);
    expect(made.waitMs({ address: '2001:db8:1:3::1', identity: 'new' })).toBe(0);
  });

  test('is late from another address, too, when he claims the same identity', () => {
    const { made } = throttle();
    for (let i = 0; i < 11; i++) made.failed({ address: `198.51.100.${i}`, identity: 'victim' });
    expect(made.failed({ address: '192.0.2.1', identity: 'victim' })).toBe(1_600);
    expect(made.failed({ address: '192.0.2.1', identity: 'other' })).toBe(0);
  });

  test('does not keep out, by claiming his identity, who was never here from an address', () => {
    const { made } = throttle();
    for (let i = 0; i < 100; i++) made.failed({ address: `198.51.100.${i}`, identity: 'victim' });
    expect(made.waitMs({ address: '192.0.2.1', identity: 'victim' })).toBe(0);
  });
});

describe('who was let in before from an address', () => {
  const owner: Attempt = { address: guesser.address, identity: 'owner' };

  test('is not shut out by others behind it', () => {
    const { made } = throttle();
    made.succeeded(owner);
    for (let i = 0; i < 100; i++) made.failed({ ...guesser, identity: `guess ${i}` });
    expect(made.waitMs(guesser)).toBeGreaterThan(0);
    expect(made.waitMs(owner)).toBe(0);
  });

  test('is not shut out by others elsewhere who claim to be him', () => {
    const { made } = throttle();
    made.succeeded(owner);
    for (let i = 0; i < 100; i++) made.failed({ address: `10.0.0.${i}`, identity: 'owner' });
    expect(made.waitMs(owner)).toBe(0);
  });

  test('is slowed alone if it is he who fails', () => {
    const { made } = throttle();
    made.succeeded(owner);
    for (let i = 0; i < 11; i++) made.failed(owner);
    expect(made.waitMs(owner)).toBe(1_000);
    expect(made.waitMs({ ...owner, identity: 'another' })).toBe(0);
  });
});

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:1::', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:ffff:1:2:3', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    [undefined, ''],
  ])('%s is counted as %s', (address, place) => {
    expect(placeOf(address)).toBe(place);
  });

  test('of one /64 are one place, of two are two', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });
    const written = (parts: number[]): string => parts.map((part) => part.toString(16)).join(':');
    fc.assert(
      fc.property(groups, groups, (one, two) => {
        const sameNetwork = [...one.slice(0, 4), ...two.slice(4)];
        expect(placeOf(written(sameNetwork))).toBe(placeOf(written(one)));
        const isSame = one.slice(0, 4).join() === two.slice(0, 4).join();
        expect(placeOf(written(two)) === placeOf(written(one))).toBe(isSame);
      }),
    );
  });
});

test('a hundred thousand guessers take no more memory than the tables have places', () => {
  const { made } = throttle(500);
  for (let i = 0; i < 100_000; i++) {
    const attempt = { address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, identity: `id ${i}` };
    if (i % 3 === 0) made.succeeded(attempt);
    else made.failed(attempt);
  }
  expect(made.size).toBeLessThanOrEqual(1_000);
});

describe('an authenticator', () => {
  const address = '203.0.113.9';
  const wrong = { apiKey: `spk_${'x'.repeat(43)}`, address };

  /** Starts eleven wrong attempts: how each ended, once it has. */
  const elevenFailures = ({ authenticator }: AccessBench): string[] => {
    const ends: string[] = [];
    for (let i = 0; i < 11; i++) {
      void Promise.resolve()
        .then(() => authenticator.authenticate(wrong))
        .catch((error: unknown) => ends.push((error as RpcError).reason));
    }
    return ends;
  };

  test('answers the first failures at once, and the next ones late', async () => {
    const bench = await openAccessBench();
    const ends = elevenFailures(bench);
    await bench.clock.settle();
    expect(ends).toHaveLength(5);
    await bench.clock.advance(100);
    expect(ends).toHaveLength(6);
    await bench.clock.advance(1_500);
    expect(ends).toEqual(Array.from({ length: 11 }, () => 'ACCESS_TOKEN_TYPE_UNSUPPORTED'));
  });

  test('then checks nothing, says when to come again, and lets the right one in then', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    elevenFailures(bench);
    await bench.clock.settle();
    const right = { authorization: `Bearer ${selfSigned(held, bench.clock)}`, address };
    for (const presented of [wrong, right]) {
      expect(() => bench.authenticator.authenticate(presented)).toThrow(
        expect.objectContaining({
          code: 'RESOURCE_EXHAUSTED',
          reason: 'AUTHENTICATION_THROTTLED',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' }],
        }) as Error,
      );
    }
    await bench.clock.advance(1_000);
    expect((await bench.authenticator.authenticate(right)).email).toBe(held.email);
    expect((await bench.authenticator.authenticate({ ...right })).email).toBe(held.email);
  });

  test('keeps nobody waiting for a crowd that guesses from everywhere', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const ends = { count: 0 };
    for (let i = 0; i < 3_000; i++) {
      // Ten from each address, of which five are late: half as many again as are let wait.
      const apiKey = `spk_${String(i).padEnd(43, 'x')}`;
      const guess = { address: `2001:db8:${Math.floor(i / 10)}::1`, apiKey };
      void Promise.resolve()
        .then(() => bench.authenticator.authenticate(guess))
        .catch(() => ends.count++);
    }
    await bench.clock.settle();
    const authorization = `Bearer ${selfSigned(held, bench.clock)}`;
    const principal = await bench.authenticator.authenticate({ authorization, address });
    expect(principal.email).toBe(held.email);
    expect(bench.clock.pendingCount).toBe(1_000);
    await bench.clock.advance(60_000);
    expect(ends.count).toBe(3_000);
  });

  test('lets in whom it knows while others behind his address guess', async () => {
    const bench = await openAccessBench();
    const held = await makeAccount(bench);
    const authorization = `Bearer ${selfSigned(held, bench.clock)}`;
    await bench.authenticator.authenticate({ authorization, address });
    elevenFailures(bench);
    await bench.clock.settle();
    const renewed = `Bearer ${selfSigned(held, bench.clock, { jti: 'renewed' })}`;
    const principal = await bench.authenticator.authenticate({ authorization: renewed, address });
    expect(principal.email).toBe(held.email);
  });
});
