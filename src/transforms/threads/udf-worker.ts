import { parentPort, workerData } from 'node:worker_threads';
import { SignOfLife } from './sign-of-life.ts';
import type { Order, ThreadStart, TurnEnd } from './turn.ts';
import { TurnWork } from './turn-work.ts';

/** A thread in which users' functions run: does one turn after the other. */
const { limits, life } = workerData as ThreadStart;
const work = new TurnWork(limits, new SignOfLife(life));

/**
 * QuickJS asks this thread's Date for the time and its zone. It hears the engine's clock, which
 * stands still during a turn, and UTC: a function learns nothing of the host from them.
 */
let nowMs = 0;
Object.assign(Date, { now: () => nowMs });
Object.assign(Date.prototype, { getTimezoneOffset: () => 0 });

parentPort!.on('message', (order: Order) => {
  if (order.kind === 'forget') work.forget(order.id);
  else {
    nowMs = order.nowMs;
    void work.perform(order).then(answer);
  }
});

function answer(end: TurnEnd): void {
  const moved = end.outcomes.flatMap((outcome) =>
    outcome.kind === 'transformed' ? [outcome.data.buffer as ArrayBuffer] : [],
  );
  parentPort!.postMessage(end, [...new Set(moved)]);
}
