import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { JobTurns } from './job-turns.ts';

/** Asks for a turn, and writes down when it came. */
function ask(
  turns: JobTurns,
  name: string,
  had: string[],
): { abort: (why: Error) => void; end: () => void; failed: Promise<unknown> } {
  const life = new AbortController();
  let end = (): void => undefined;
  const taken = turns.take(life.signal).then((giveBack) => {
    had.push(name);
    end = giveBack;
  });
  const failed = taken.then(
    () => null,
    (error: unknown) => error,
  );
  return { abort: (why) => life.abort(why), end: () => end(), failed };
}

const settled = (): Promise<void> => new VirtualClock().settle();

describe('jobs that take turns', () => {
  test('are so many at a time, in the order in which they came', async () => {
    const turns = new JobTurns(2);
    const had: string[] = [];
    const jobs = ['a', 'b', 'c', 'd'].map((name) => ask(turns, name, had));
    await settled();
    expect(had).toEqual(['a', 'b']);
    jobs[1]!.end();
    await settled();
    expect(had).toEqual(['a', 'b', 'c']);
    for (const at of [0, 2]) jobs[at]!.end();
    await settled();
    jobs[3]!.end();
    const later = ['e', 'f', 'g'].map((name) => ask(turns, name, had));
    await settled();
    expect(had.join('')).toBe('abcdef');
    expect(later).toHaveLength(3);
  });

  test('leave the line when they are given up, and keep nobody waiting', async () => {
    const turns = new JobTurns(1);
    const had: string[] = [];
    const [first, second] = ['a', 'b', 'c'].map((name) => ask(turns, name, had));
    const gone = new Error('the start was given up');
    second!.abort(gone);
    expect(await second!.failed).toBe(gone);
    first!.end();
    await settled();
    expect(had).toEqual(['a', 'c']);
  });

  test('have none when they were given up before', async () => {
    const turns = new JobTurns(1);
    await expect(turns.take(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    const giveBack = await turns.take(new AbortController().signal);
    expect(giveBack).toBeTypeOf('function');
  });
});
