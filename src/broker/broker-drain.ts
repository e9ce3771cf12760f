import { draining } from './errors.ts';
import type { Registry } from './registry.ts';
import type { SubscriptionState } from './subscription-state.ts';

/**
 * Ends streams with UNAVAILABLE, takes no more work, makes every acknowledgement durable that was
 * or will be answered. Requests of push that are under way have `pushGraceMs` to be answered.
 * `stopWork` ends what the broker does of its own accord, once nothing is pushed any more.
 */
export async function drainBroker(
  registry: Registry,
  pushGraceMs: number,
  stopWork: () => Promise<void>,
): Promise<void> {
  registry.isDraining = true;
  const states = registry.allSubscriptions();
  const ending = states.map(async (state) => await endAfterPush(state, pushGraceMs));
  // A dead letter that is on its way is acknowledged, if it can be, and does not come again.
  await Promise.all([...ending, registry.deadLetters.close(pushGraceMs)]);
  // A key that goes in the meantime still cuts what is under way.
  await stopWork();
  const results = await Promise.allSettled(states.map(async (state) => await state.drain()));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const text = 'acknowledgements were not made durable';
    registry.ports.log.warn({ err: result.reason }, text);
  }
  await Promise.all(states.map(async (state) => await state.close()));
  registry.wheel.close();
}

/** At once, unless requests of push are under way: their answers are acknowledgements. */
async function endAfterPush(state: SubscriptionState, graceMs: number): Promise<void> {
  if (state.hasPushes) await state.drainPush(graceMs);
  state.end(draining());
}
