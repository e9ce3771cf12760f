import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { silentLogger } from '../runtime/index.ts';
import { Token } from './token-client.ts';
import type { TokenReply, TokenRequest } from './token-request.ts';
import type { TokenWorkerEvents } from './token-worker.ts';

/** Workers that answer what the test says, when it says it. */
class ScriptedWorkers {
  readonly sent: TokenRequest[] = [];
  started = 0;
  ended = 0;
  #events: TokenWorkerEvents | undefined;

  readonly start = (events: TokenWorkerEvents): ReturnType<typeof this.worker> => {
    this.started++;
    this.#events = events;
    return this.worker();
  };

  worker(): { pid: undefined; send: (request: TokenRequest) => void; end: () => void } {
    return {
      pid: undefined,
      send: (request) => void this.sent.push(request),
      end: () => void this.ended++,
    };
  }

  reply(reply: TokenReply): void {
    this.#events!.reply(reply);
  }

  crash(): void {
    this.#events!.gone('its process ended with SIGSEGV');
  }

  get last(): string {
    return this.sent.at(-1)!.do;
  }
}

function bench(more: { deadlineMs?: number; queueMax?: number } = {}): {
  workers: ScriptedWorkers;
  clock: VirtualClock;
  token: Token;
} {
  const workers = new ScriptedWorkers();
  const clock = new VirtualClock();
  const place = { library: '/lib/token.so', tokenLabel: 't', pinFile: '/pin' };
  const token = new Token({
    place,
    clock,
    log: silentLogger,
    startWorker: workers.start,
    ...more,
  });
  return { workers, clock, token };
}

const bytes = Uint8Array.of(1, 2, 3);
const done: TokenReply = { result: null };
/** Its error, so that a refusal before anybody awaits is handled. */
const ending = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: unknown) => error,
  );

describe('a token', () => {
  test('is opened before the first call, and calls are made one after the other', async () => {
    const { workers, token } = bench();
    const first = token.random(1);
    const second = token.random(2);
    expect(workers.sent.map((request) => request.do)).toEqual(['open']);
    workers.reply(done);
    expect(workers.sent.slice(1)).toEqual([{ do: 'random', length: 1 }]);
    workers.reply({ result: bytes });
    expect(await first).toEqual(bytes);
    expect(workers.last).toBe('random');
    workers.reply({ result: bytes });
    expect(await second).toEqual(bytes);
  });

  test('a call that hangs fails at its deadline, its worker is replaced, the next one works', async () => {
    const { workers, clock, token } = bench({ deadlineMs: 1_000 });
    const hanging = ending(token.random(1));
    workers.reply(done);
    await clock.advance(1_000);
    expect(await hanging).toMatchObject({ fault: 'deadline' });
    expect(workers.ended).toBe(1);
    await clock.advance(100);
    const next = token.random(2);
    expect(workers.started).toBe(2);
    workers.reply(done);
    workers.reply({ result: bytes });
    expect(await next).toEqual(bytes);
  });

  test('a call that only waited too long does not cost the worker', async () => {
    const { workers, clock, token } = bench({ deadlineMs: 1_000 });
    const first = ending(token.random(1));
    workers.reply(done);
    await clock.advance(600);
    workers.reply({ result: bytes });
    const second = ending(token.random(2));
    await clock.advance(500);
    const third = ending(token.random(3));
    workers.reply({ result: bytes });
    workers.reply({ result: bytes });
    expect([await first, await second, await third]).toEqual([bytes, bytes, bytes]);
    expect(workers.ended).toBe(0);
    await clock.advance(10_000);
    expect(clock.pendingCount).toBe(0);
  });

  test('after a failure to open, calls fail at once until an ever longer back-off has passed', async () => {
    const { workers, clock, token } = bench();
    const opening = ending(token.open());
    workers.reply({ fault: 'configuration', message: 'no such token' });
    expect(await opening).toMatchObject({ fault: 'configuration', message: 'no such token' });
    expect(await ending(token.random(1))).toMatchObject({ message: 'no such token' });
    expect(workers.started).toBe(1);
    for (const backoffMs of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
      await clock.advance(backoffMs - 1);
      expect(await ending(token.random(1))).toMatchObject({ fault: 'configuration' });
      await clock.advance(1);
      const attempt = ending(token.random(1));
      workers.reply({ fault: 'configuration', message: 'no such token' });
      expect(await attempt).toMatchObject({ fault: 'configuration' });
    }
    expect(workers.started).toBe(10);
  });

  test('a refused PIN is never tried again: a few wrong ones lock a token for good', async () => {
    const { workers, clock, token } = bench();
    const opening = ending(token.open());
    workers.reply({ fault: 'pinRefused', message: 'the PIN is wrong' });
    expect(await opening).toMatchObject({ fault: 'pinRefused' });
    await clock.advance(24 * 3_600_000);
    expect(await ending(token.random(1))).toMatchObject({ message: 'the PIN is wrong' });
    expect(workers.started).toBe(1);
  });

  test('a crash of the library fails what ran and what waits, and nothing else', async () => {
    const { workers, clock, token } = bench();
    const calls = [ending(token.random(1)), ending(token.random(2))];
    workers.reply(done);
    workers.crash();
    for (const call of calls) {
      expect(await call).toMatchObject({
        fault: 'unavailable',
        message: expect.stringContaining('SIGSEGV') as string,
      });
    }
    await clock.advance(100);
    const next = token.random(3);
    workers.reply(done);
    workers.reply({ result: bytes });
    expect(await next).toEqual(bytes);
  });

  test('takes no more calls than its queue holds', async () => {
    const { workers, token } = bench({ queueMax: 2 });
    const calls = [token.random(1), token.random(2)].map(ending);
    await expect(token.random(3)).rejects.toMatchObject({ fault: 'busy' });
    workers.reply(done);
    workers.reply({ result: bytes });
    workers.reply({ result: bytes });
    expect(await Promise.all(calls)).toEqual([bytes, bytes]);
  });

  test('that is closed fails what waits and takes nothing more', async () => {
    const { workers, clock, token } = bench();
    const calls = [ending(token.random(1)), ending(token.random(2))];
    workers.reply(done);
    token.close();
    for (const call of calls) expect(await call).toMatchObject({ fault: 'unavailable' });
    await expect(token.random(3)).rejects.toMatchObject({ fault: 'unavailable' });
    expect(workers.ended).toBe(1);
    expect(clock.pendingCount).toBe(0);
  });
});
