import { expect, test } from 'vitest';

import { PlainDek } from '../../../test/support/plain-dek.ts';
import { SeededEntropy } from '../../../test/support/seeded-entropy.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { aeadProviders, suiteIds } from '../../crypto/index.ts';
import { silentLogger } from '../../runtime/index.ts';
import { ReadyMessages, type ReadyMessage } from './ready-messages.ts';
import { TransformMemory } from './transform-memory.ts';

const suite = suiteIds.xchacha20Poly1305;
const ports = { clock: new VirtualClock(), entropy: new SeededEntropy(1), log: silentLogger };
const provider = aeadProviders({ ...ports, suite }).for(suite)!;
const newDek = (): PlainDek => new PlainDek(provider, new Uint8Array(32));

const MiB = 1024 * 1024;
const isWiped = ({ bytes }: ReadyMessage): boolean => bytes.every((byte) => byte === 0);

function message(sequence: number, bytes: number, dek: PlainDek = newDek()): ReadyMessage {
  return { sequence, bytes: new Uint8Array(bytes).fill(1), publishTimeMs: 0, dek };
}

test('what is taken leaves whole, and what is dropped is filled with zeros', () => {
  const memory = new TransformMemory();
  const ready = new ReadyMessages(memory);
  const [taken, dropped] = [message(1, 10), message(2, 20)];
  ready.put(taken);
  ready.put(dropped);
  expect(memory.bytes).toBe(30);
  ready.take(1);
  ready.drop(2);
  expect([ready.get(1), ready.get(2)]).toEqual([undefined, undefined]);
  expect([isWiped(taken), isWiped(dropped)]).toEqual([false, true]);
  expect(memory.bytes).toBe(0);
});

test('the death of a DEK takes all that it opened, and nothing else', () => {
  const ready = new ReadyMessages(new TransformMemory());
  const dek = newDek();
  const all = [message(1, 10, dek), message(2, 10), message(3, 10, dek)];
  for (const each of all) ready.put(each);
  dek.destroy();
  expect([1, 2, 3].map((sequence) => ready.get(sequence) !== undefined)).toEqual([
    false,
    true,
    false,
  ]);
  expect(all.map(isWiped)).toEqual([true, false, true]);
  const late = message(4, 10, dek);
  ready.put(late);
  expect([ready.get(4), isWiped(late)]).toEqual([undefined, true]);
});

test('of one subscription the last ones are given up, the first is kept however large it is', () => {
  const memory = new TransformMemory();
  const ready = new ReadyMessages(memory);
  for (const sequence of [3, 1, 2]) ready.put(message(sequence, 2 * MiB));
  ready.shrink();
  expect([1, 2, 3].map((sequence) => ready.get(sequence) !== undefined)).toEqual([
    true,
    true,
    false,
  ]);
  expect(memory.bytes).toBe(4 * MiB);
  ready.clear();
  ready.put(message(9, 9 * MiB));
  ready.shrink();
  expect(ready.get(9)).toBeDefined();
});

test('over all subscriptions the oldest is given up for what is new', () => {
  const memory = new TransformMemory(100, 100);
  const [idle, busy] = [new ReadyMessages(memory), new ReadyMessages(memory)];
  const oldest = message(1, 60);
  idle.put(oldest);
  busy.put(message(1, 60));
  expect([idle.get(1), isWiped(oldest)]).toEqual([undefined, true]);
  busy.put(message(2, 500));
  expect(busy.get(2)).toBeDefined();
  expect(memory.bytes).toBe(500);
});

test('who found no room is woken once there is some', () => {
  const memory = new TransformMemory(100, 100);
  let wakes = 0;
  memory.take(60);
  expect(memory.isSpent).toBe(false);
  memory.take(60);
  memory.wakeWhenFreed({ wake: () => wakes++ });
  memory.free(10);
  expect([memory.isSpent, wakes]).toEqual([true, 0]);
  memory.free(50);
  memory.free(60);
  expect([memory.isSpent, wakes]).toEqual([false, 1]);
});
