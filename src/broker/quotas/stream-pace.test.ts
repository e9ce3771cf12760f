import { expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { StreamPace } from './stream-pace.ts';

function opened(): { clock: VirtualClock; pace: StreamPace; resumes: () => number } {
  const clock = new VirtualClock();
  let resumes = 0;
  const pace = new StreamPace(clock, () => void resumes++);
  return { clock, pace, resumes: () => resumes };
}

test('a stream goes on when both its quota and its transport are ready, whichever comes last', async () => {
  const { clock, pace, resumes } = opened();
  expect(pace.delivered(false, 100)).toBe(false);
  await clock.advance(100);
  expect(resumes()).toBe(0);
  pace.transportResumed();
  expect(resumes()).toBe(1);
  expect(pace.delivered(false, 100)).toBe(false);
  pace.transportResumed();
  expect(resumes()).toBe(1);
  await clock.advance(100);
  expect(resumes()).toBe(2);
  expect(pace.delivered(true, 0)).toBe(true);
});

test('a stream that closed while a batch left waits for nothing and goes on with nothing', async () => {
  const { clock, pace, resumes } = opened();
  const before = clock.pendingCount;
  pace.close();
  expect(pace.delivered(true, 60_000)).toBe(false);
  expect(clock.pendingCount).toBe(before);
  pace.transportResumed();
  await clock.advance(60_000);
  expect(resumes()).toBe(0);
});
