import { Socket } from 'node:net';

import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { KeepAlive, type Watched } from './keep-alive.ts';

/** A connection as keep-alive sees it, with counts that a test sets. */
class Watch implements Watched {
  readonly socket: Socket = new Socket();
  readonly told: string[] = [];
  isHeldByUs = false;
  messageCount = 0;
  isPartial = false;
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  /** Called once, when the bytes read are looked at next. */
  looked: (() => void) | null = null;

  constructor() {
    for (const name of ['bytesWritten', 'writableLength'] as const) {
      Object.defineProperty(this.socket, name, { get: () => this[name] });
    }
    Object.defineProperty(this.socket, 'bytesRead', { get: () => this.#look() });
  }

  #look(): number {
    const { bytesRead, looked } = this;
    this.looked = null;
    looked?.();
    return bytesRead;
  }

  ping(): void {
    this.told.push('ping');
  }

  lost(): void {
    this.told.push('lost');
  }

  stalled(): void {
    this.told.push('stalled');
  }
}

function setUp(): { watch: Watch; clock: VirtualClock; keepAlive: KeepAlive } {
  const clock = new VirtualClock();
  const watch = new Watch();
  return { watch, clock, keepAlive: new KeepAlive(watch, clock) };
}

describe('a client', () => {
  test('that answers is asked every 15 s', async () => {
    const { watch, clock, keepAlive } = setUp();
    for (let n = 1; n <= 3; n++) {
      await clock.advance(14_999);
      expect(watch.told).toHaveLength(n - 1);
      await clock.advance(1);
      keepAlive.heard();
    }
    expect(watch.told).toEqual(['ping', 'ping', 'ping']);
  });

  test('that says nothing for 30 s after a ping is lost', async () => {
    const { watch, clock, keepAlive } = setUp();
    await clock.advance(15_000 + 29_999);
    expect(watch.told).toEqual(['ping']);
    await clock.advance(1);
    expect(watch.told).toEqual(['ping', 'lost']);
    keepAlive.stop();
    expect(clock.pendingCount).toBe(0);
  });

  test('whose answer waited while this process stood still is heard first', async () => {
    const { watch, clock } = setUp();
    await clock.advance(15_000 + 29_999);
    // Read in the turn of the loop that follows the timers that are due.
    watch.looked = () => clock.soon(() => (watch.bytesRead = 1));
    await clock.advance(1);
    expect(watch.told).toEqual(['ping']);
    await clock.advance(15_000);
    expect(watch.told).toEqual(['ping']);
  });

  test('that sends anything at all is not', async () => {
    const { watch, clock } = setUp();
    for (let n = 0; n < 10; n++) {
      watch.bytesRead++;
      await clock.advance(15_000);
    }
    expect(watch.told).toEqual(['ping']);
  });

  test('that only takes what waited for it is not', async () => {
    const { watch, clock } = setUp();
    watch.bytesWritten = 100_000;
    watch.writableLength = 90_000;
    for (let n = 0; n < 6; n++) {
      await clock.advance(15_000);
      watch.writableLength -= 10_000;
    }
    expect(watch.told).toEqual(['ping']);
  });

  test('for whom nothing waited is no livelier by what the system takes for it', async () => {
    const { watch, clock } = setUp();
    await clock.advance(15_000);
    watch.bytesWritten = 10_000;
    await clock.advance(30_000);
    expect(watch.told).toEqual(['ping', 'lost']);
  });

  test('that we do not read is not blamed for it', async () => {
    const { watch, clock } = setUp();
    watch.isHeldByUs = true;
    await clock.advance(120_000);
    expect(watch.told).toEqual(['ping']);
    watch.isHeldByUs = false;
    await clock.advance(30_000);
    expect(watch.told).toEqual(['ping', 'lost']);
  });
});

describe('a message that has begun', () => {
  test('and does not end in a minute is told of', async () => {
    const { watch, clock, keepAlive } = setUp();
    watch.isPartial = true;
    for (let n = 0; n < 4; n++) {
      await clock.advance(15_000);
      keepAlive.heard();
    }
    expect(watch.told).not.toContain('stalled');
    await clock.advance(15_000);
    expect(watch.told).toContain('stalled');
  });

  test('is another one where messages ended in between', async () => {
    const { watch, clock, keepAlive } = setUp();
    watch.isPartial = true;
    for (let n = 0; n < 20; n++) {
      await clock.advance(15_000);
      keepAlive.heard();
      watch.messageCount++;
    }
    expect(watch.told).not.toContain('stalled');
  });
});
