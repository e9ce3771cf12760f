import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { silentLogger } from '../../runtime/index.ts';
import { defaultTransformLimits, type TransformLimits } from '../limits.ts';
import type { TransformableMessage } from '../transform.ts';
import type { Turn, TurnEnd, UdfOutcome } from './turn.ts';
import { UdfLane } from './udf-lane.ts';
import type { ThreadLoss } from './udf-thread.ts';
import { type TurnThread, UdfTurns } from './udf-turns.ts';

type End = TurnEnd | ThreadLoss;

/** A thread whose turns the test ends. */
class HeldThread implements TurnThread {
  readonly forgotten: number[] = [];
  isAlive = false;
  turn: Turn | null = null;
  #end: (end: End) => void = () => undefined;

  get isBusy(): boolean {
    return this.turn !== null;
  }

  run(turn: Turn): Promise<End> {
    this.isAlive = true;
    this.turn = turn;
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** All of the turn's messages pass, or so many, or end as they are told. */
  async end(end: Partial<ThreadLoss> & Partial<TurnEnd> = {}): Promise<void> {
    const outcomes = this.turn!.messages.lengths.map(() => filtered);
    this.turn = null;
    if (end.lostAt === undefined) this.#end({ refusal: null, outcomes, ...end });
    else this.#end({ isStall: true, ...end } as ThreadLoss);
    await settled();
  }

  forget(id: number): void {
    this.forgotten.push(id);
  }

  async close(): Promise<void> {
    if (this.isBusy) await this.end({ lostAt: 'idle' });
  }
}

const filtered: UdfOutcome = { kind: 'filtered' };
const late: UdfOutcome = { kind: 'failed', message: 'late', isTimeout: true };
const settled = (): Promise<void> => new VirtualClock().settle();
const messages = (count: number, bytes: number = 1): TransformableMessage[] =>
  Array.from({ length: count }, () => ({
    data: new Uint8Array(bytes),
    attributes: {},
    orderingKey: '',
    messageId: '',
  }));

function open(threadCount: number, some: Partial<TransformLimits> = {}) {
  const threads = Array.from({ length: threadCount }, () => new HeldThread());
  const limits = { ...defaultTransformLimits, ...some };
  const turns = new UdfTurns(threads, limits, { clock: new VirtualClock(), log: silentLogger });
  let id = 0;
  const lane = (isProbe: boolean = false): UdfLane =>
    new UdfLane('owner', ++id, { functionName: 'f', code: '' }, isProbe);
  return { turns, threads, lane, thread: threads[0]! };
}

/** Lets a function fall behind: each of its messages times out, in whichever thread it is. */
async function slowDown(turns: UdfTurns, threads: readonly HeldThread[], lane: UdfLane) {
  const run = turns.run(lane, messages(3));
  for (let times = 0; times < 3; times++) {
    await threads.find(({ turn }) => turn?.id === lane.id)!.end({ outcomes: [late] });
  }
  await run;
  expect(lane.isSlow).toBe(true);
}

describe('turns of functions', () => {
  test('go round: none waits for more than one turn of each other', async () => {
    const { turns, thread, lane } = open(1);
    const lanes = [lane(), lane(), lane()];
    const runs = lanes.map((each) => turns.run(each, messages(3)));
    const order: number[] = [];
    while (thread.turn !== null) {
      order.push(thread.turn.id);
      await thread.end({ outcomes: [filtered] });
    }
    expect(order).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(await Promise.all(runs)).toEqual(lanes.map(() => [filtered, filtered, filtered]));
  });

  test('are at most so many messages and bytes, and one message however large', async () => {
    const { turns, thread, lane } = open(1);
    const sizes: number[] = [];
    for (const all of [messages(100), messages(3, 200 * 1024), messages(2, 9_000_000)]) {
      const run = turns.run(lane(), all);
      while (thread.turn !== null) {
        sizes.push(thread.turn.messages.lengths.length);
        await thread.end();
      }
      await run;
    }
    expect(sizes).toEqual([32, 32, 32, 4, 2, 1, 1, 1]);
  });

  test('begin a second thread only when the first is at work', async () => {
    const { turns, threads, lane } = open(2);
    const [first, second] = threads;
    const mine = lane();
    void turns.run(mine, messages(1));
    await first!.end();
    void turns.run(mine, messages(1));
    expect(second!.isAlive).toBe(false);
    void turns.run(lane(), messages(1));
    expect(second!.isAlive).toBe(true);
  });

  test('of one function are never in two threads at once', async () => {
    const { turns, threads, lane } = open(2);
    const mine = lane();
    void turns.run(mine, messages(1));
    void turns.run(mine, messages(1));
    expect(threads[1]!.isBusy).toBe(false);
  });

  test('of functions that time out leave a thread to the others', async () => {
    const { turns, threads, lane } = open(2);
    const [bad, worse] = [lane(), lane()];
    await slowDown(turns, threads, bad);
    await slowDown(turns, threads, worse);
    void turns.run(bad, messages(50));
    void turns.run(worse, messages(50));
    const busy = threads.filter(({ isBusy }) => isBusy);
    expect(busy.map(({ turn }) => [turn!.id, turn!.messages.lengths.length])).toEqual([
      [bad.id, 1],
    ]);
    const good = lane();
    for (let times = 0; times < 10; times++) {
      const run = turns.run(good, messages(1));
      const its = threads.find(({ turn }) => turn?.id === good.id);
      await its!.end();
      expect(await run).toEqual([filtered]);
    }
    expect(busy[0]!.turn!.id).toBe(bad.id);
    await busy[0]!.end({ outcomes: [late] });
    expect(threads.filter(({ isBusy }) => isBusy).map(({ turn }) => turn!.id)).toEqual([worse.id]);
  });

  test('come back to a function in full when it has been good for long', async () => {
    const { turns, threads, thread, lane } = open(1);
    const mine = lane();
    await slowDown(turns, threads, mine);
    const run = turns.run(mine, messages(40));
    await thread.end();
    expect(mine.isSlow).toBe(false);
    while (thread.turn !== null) await thread.end();
    expect(await run).toHaveLength(40);
  });

  test('that end early leave the rest for the next turn, in order', async () => {
    const { turns, thread, lane } = open(1);
    const all = messages(3).map((message, index) => ({ ...message, messageId: `m${index}` }));
    const run = turns.run(lane(), all);
    const seen: string[][] = [];
    while (thread.turn !== null) {
      seen.push(thread.turn.messages.heads.map(({ messageId }) => messageId));
      await thread.end({ outcomes: [filtered] });
    }
    await run;
    expect(seen).toEqual([['m0', 'm1', 'm2'], ['m1', 'm2'], ['m2']]);
  });
});

describe('a thread that is lost', () => {
  test('fails the message that it was at, and no other', async () => {
    const { turns, thread, lane } = open(1);
    const mine = lane();
    const run = turns.run(mine, messages(3));
    await thread.end({ lostAt: 1 });
    expect(mine.isSlow).toBe(true);
    while (thread.turn !== null) await thread.end();
    expect((await run).map(({ kind }) => kind)).toEqual(['filtered', 'failed', 'filtered']);
  });

  test('fails all of the turn when it was lost in loading', async () => {
    const { turns, thread, lane } = open(1);
    const run = turns.run(lane(), messages(3));
    await thread.end({ lostAt: 'loading' });
    expect((await run).map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
  });

  test('is tried again when it had not begun, and not for ever', async () => {
    const { turns, thread, lane } = open(1);
    const run = turns.run(lane(), messages(2));
    let times = 0;
    for (; thread.turn !== null; times++) await thread.end({ lostAt: 'idle' });
    expect(times).toBe(3);
    expect((await run).map(({ kind }) => kind)).toEqual(['failed', 'failed']);
  });
});

describe('messages for functions', () => {
  test('fail at once when too many or too large ones wait', async () => {
    const { turns, lane } = open(1, { waitingMax: 5, waitingBytesMax: 100 });
    const [busy, many, large] = [lane(), lane(), lane()];
    void turns.run(busy, messages(1));
    const left = await Promise.race([turns.run(many, messages(7)), settled()]);
    expect(left).toBeUndefined();
    expect(many.waitingCount).toBe(5);
    void turns.run(large, messages(3, 60));
    expect(large.waitingCount).toBe(1);
    for (let more = 0; more < 5; more++) void turns.run(lane(), messages(1, 80));
    const text = 'Too many messages wait for the function.';
    expect(await turns.run(lane(), messages(1))).toEqual([
      { kind: 'failed', message: text, isTimeout: false, isTransient: true },
    ]);
  });

  test('fail when their transform is closed, even in a thread', async () => {
    const { turns, thread, lane } = open(1);
    const mine = lane();
    const run = turns.run(mine, messages(40));
    turns.close(mine);
    expect((await run).every(({ kind }) => kind === 'failed')).toBe(true);
    expect((await turns.run(mine, messages(1)))[0]!.kind).toBe('failed');
    await thread.end();
    expect(thread.forgotten).toContain(mine.id);
    expect(thread.turn).toBeNull();
  });

  test('fail when the engine ends', async () => {
    const { turns, lane } = open(2);
    const run = turns.run(lane(), messages(3));
    await turns.end();
    expect((await run).every(({ kind }) => kind === 'failed')).toBe(true);
    expect((await turns.run(lane(), messages(1)))[0]!.kind).toBe('failed');
  });
});

describe('loading code to see whether it can be', () => {
  test('sends no message, and is forgotten', async () => {
    const { turns, thread, lane } = open(1);
    const [good, bad] = [lane(true), lane(true)];
    const first = turns.run(good, messages(1));
    expect(thread.turn!.messages.lengths).toEqual([]);
    await thread.end();
    expect(await first).toEqual([filtered]);
    const second = turns.run(bad, messages(1));
    await thread.end({ refusal: 'no' });
    expect(await second).toEqual([{ kind: 'failed', message: 'no', isTimeout: false }]);
    expect(thread.forgotten).toEqual([good.id, bad.id]);
  });
});
