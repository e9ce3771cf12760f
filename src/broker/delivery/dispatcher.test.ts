import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Dispatcher, type Turn } from './dispatcher.ts';

/** A clock that a piece of work moves on. */
class WorkClock extends VirtualClock {
  #workedMs = 0;
  readonly laterTasks: (() => void)[] = [];

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#workedMs;
  }

  override soon(task: () => void): void {
    this.laterTasks.push(task);
  }
}

function worker(
  name: string,
  count: number,
  done: string[],
  work: () => void = () => undefined,
): Turn {
  let left = count;
  return {
    turn: () => {
      done.push(name);
      work();
      return --left > 0;
    },
  };
}

test('everyone with work has a turn before anyone has a second', async () => {
  const dispatcher = new Dispatcher(new WorkClock());
  const done: string[] = [];
  dispatcher.wake(worker('a', 3, done));
  dispatcher.wake(worker('b', 1, done));
  dispatcher.wake(worker('c', 2, done));
  await Promise.resolve();
  expect(done.join('')).toBe('abcaca');
});

test('after 2 ms of work the event loop has a look, and work goes on where it was', async () => {
  const clock = new WorkClock();
  const dispatcher = new Dispatcher(clock);
  const done: string[] = [];
  dispatcher.wake(worker('a', 4, done, () => clock.work(1)));
  dispatcher.wake(worker('b', 2, done, () => clock.work(1)));
  await Promise.resolve();
  expect(done.join('')).toBe('ab');
  expect(clock.laterTasks).toHaveLength(1);
  clock.laterTasks.pop()!();
  expect(done.join('')).toBe('abab');
  clock.laterTasks.pop()!();
  expect(done.join('')).toBe('ababaa');
  expect(clock.laterTasks).toHaveLength(0);
});

test('who was woken twice has one turn, who was forgotten none', async () => {
  const dispatcher = new Dispatcher(new WorkClock());
  const done: string[] = [];
  const gone = worker('gone', 1, done);
  const twice = worker('twice', 1, done);
  dispatcher.wake(gone);
  dispatcher.wake(twice);
  dispatcher.wake(twice);
  dispatcher.forget(gone);
  await Promise.resolve();
  expect(done).toEqual(['twice']);
  dispatcher.wake(worker('next', 1, done));
  await Promise.resolve();
  expect(done).toEqual(['twice', 'next']);
});

test("a turn that throws takes nobody else's away", async () => {
  const clock = new WorkClock();
  const dispatcher = new Dispatcher(clock);
  const done: string[] = [];
  const broken = (): never => {
    throw new Error('broken');
  };
  dispatcher.wake(worker('a', 2, done, () => clock.work(2)));
  dispatcher.wake(worker('bad', 2, done, broken));
  await Promise.resolve();
  expect(() => clock.laterTasks.pop()!()).toThrow('broken');
  while (clock.laterTasks.length > 0) clock.laterTasks.pop()!();
  dispatcher.wake(worker('b', 1, done));
  await Promise.resolve();
  expect(done).toEqual(['a', 'bad', 'a', 'b']);
});
