import { expect, test } from 'vitest';

import { AnswerMemory } from './answer-memory.ts';
import { webSocketLimits as limits } from './limits.ts';

const answer = (id: number): { messageIds: string[] } => ({ messageIds: [`m${id}`] });

test('an answer is remembered until a ping that was sent after it is answered', () => {
  const memory = new AnswerMemory();
  memory.remember(1, answer(1), 1);
  memory.remember(2, answer(2), 1);
  memory.remember(3, answer(3), 2);
  memory.confirm(1);
  expect([1, 2, 3].map((id) => memory.find(id))).toEqual([undefined, undefined, answer(3)]);
  expect(memory.size).toBe(1);
});

test('what was repeated is kept for a minute whatever is confirmed, each from its own time', () => {
  const memory = new AnswerMemory();
  memory.remember(1, answer(1), 1);
  expect(memory.repeat(0)).toEqual([[1, answer(1)]]);
  memory.remember(2, answer(2), 2);
  memory.confirm(9);
  expect(memory.find(1)).toEqual(answer(1));
  expect(memory.find(2)).toBeUndefined();
  memory.remember(3, answer(3), 10);
  expect(memory.repeat(limits.resumeMs - 1)).toEqual([
    [1, answer(1)],
    [3, answer(3)],
  ]);
  memory.forgetRepeated(limits.resumeMs);
  expect([1, 3].map((id) => memory.find(id))).toEqual([undefined, answer(3)]);
  memory.forgetRepeated(2 * limits.resumeMs);
  expect(memory.size).toBe(0);
  expect(memory.hasRepeated).toBe(false);
});

test('a client that never confirms makes it forget the oldest, not grow', () => {
  const memory = new AnswerMemory();
  const extra = 5;
  for (let id = 1; id <= limits.unconfirmedMax + extra; id++) memory.remember(id, answer(id), 1);
  expect(memory.size).toBe(limits.unconfirmedMax);
  expect(memory.find(extra)).toBeUndefined();
  expect(memory.find(extra + 1)).toEqual(answer(extra + 1));
  memory.repeat(0);
  for (let id = 20_001; id <= 20_010; id++) memory.remember(id, answer(id), 2);
  expect(memory.repeat(1)).toHaveLength(limits.unconfirmedMax);
});
