import { expect, test } from 'vitest';

import { ForwardGate } from './forward-gate.ts';

/** Lets every promise that can settle do so. */
const turn = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};

test('so many forwards of one subscription are under way at once, and the others in turn', async () => {
  const gate = new ForwardGate(2, 100);
  const entered: number[] = [];
  for (let n = 0; n < 5; n++) void gate.enter(7).then(() => entered.push(n));
  await turn();
  expect(entered).toEqual([0, 1]);
  gate.leave(7);
  await turn();
  expect(entered).toEqual([0, 1, 2]);
  for (let n = 0; n < 4; n++) gate.leave(7);
  await turn();
  expect(entered).toEqual([0, 1, 2, 3, 4]);
});

test('a storm of one subscription leaves the others their places', async () => {
  const gate = new ForwardGate(1, 100);
  for (let n = 0; n < 1_000; n++) void gate.enter(1);
  let isIn = false;
  void gate.enter(2).then(() => (isIn = true));
  await turn();
  expect(isIn).toBe(true);
});

test('the bytes of all together have a bound, and who waits is served in order', async () => {
  const gate = new ForwardGate(10, 100);
  expect(gate.tryHold(60)).toBe(true);
  expect(gate.tryHold(60)).toBe(false);
  const held: string[] = [];
  void gate.hold(60).then(() => held.push('large'));
  void gate.hold(10).then(() => held.push('small'));
  // It would fit, but those before it wait.
  expect(gate.tryHold(10)).toBe(false);
  await turn();
  expect(held).toEqual([]);
  gate.free(60);
  await turn();
  expect(held).toEqual(['large', 'small']);
  expect(gate.heldBytes).toBe(70);
});

test('what is above the bound goes alone', async () => {
  const gate = new ForwardGate(10, 100);
  expect(gate.tryHold(5)).toBe(true);
  let isHeld = false;
  void gate.hold(500).then(() => (isHeld = true));
  await turn();
  expect(isHeld).toBe(false);
  gate.free(5);
  await turn();
  expect(isHeld).toBe(true);
  expect(gate.tryHold(1)).toBe(false);
});
