/** Whether requests can reach a revision: `fresh` has not been routed yet, `retired` no longer is. */
export type Routing = 'fresh' | 'routed' | 'retired';

/** What the decision about a revision's instances is made from. */
export interface ScaleView {
  readonly routing: Routing;
  readonly minInstances: number;
  readonly maxInstances: number;
  readonly concurrency: number;
  /** Instances that take requests. */
  readonly ready: number;
  /** Of those, since when each that has nothing to do has had nothing to do; monotonic ms. */
  readonly idleSinceMs: readonly number[];
  readonly starting: number;
  readonly waiting: number;
  /** False while the key is not good: nothing starts, and what runs is kept. */
  readonly isKeyGood: boolean;
  /** No start before, after ones that failed; monotonic ms. */
  readonly notBeforeMs: number;
  readonly nowMs: number;
  readonly idleMs: number;
}

export interface ScalePlan {
  readonly start: number;
  /** How many of the idle are to stop. */
  readonly stop: number;
  /** When to look again though nothing happened; Infinity: never. */
  readonly lookAgainMs: number;
}

/**
 * How many instances to start and to stop. So many start as the waiting requests fill, or the
 * minimum lacks; those that have been idle for long stop, down to the minimum.
 */
export function planScale(view: ScaleView): ScalePlan {
  const start = startsOf(view);
  const mayStart = view.isKeyGood && view.notBeforeMs <= view.nowMs;
  const stops = stopsOf(view);
  const isHeldBack = view.isKeyGood && start > 0 && !mayStart;
  return {
    start: mayStart ? start : 0,
    stop: stops.count,
    lookAgainMs: Math.min(stops.nextMs, isHeldBack ? view.notBeforeMs : Infinity),
  };
}

function startsOf(view: ScaleView): number {
  const { minInstances, maxInstances, ready, starting } = view;
  const floor = view.routing === 'routed' ? minInstances : 0;
  const forWaiting = Math.ceil(view.waiting / view.concurrency) - starting;
  const room = maxInstances - ready - starting;
  return Math.max(0, Math.min(room, Math.max(floor - ready - starting, forWaiting)));
}

function stopsOf(view: ScaleView): { readonly count: number; readonly nextMs: number } {
  // What was stopped now could not come back.
  if (!view.isKeyGood && view.routing === 'routed') return { count: 0, nextMs: Infinity };
  const floor = view.routing === 'routed' ? view.minInstances : 0;
  const surplus = Math.max(0, Math.min(view.idleSinceMs.length, view.ready - floor));
  const patienceMs = view.routing === 'retired' ? 0 : view.idleMs;
  const dueMs = view.idleSinceMs.map((sinceMs) => sinceMs + patienceMs).toSorted((a, b) => a - b);
  const count = dueMs.slice(0, surplus).filter((atMs) => atMs <= view.nowMs).length;
  return { count, nextMs: count < surplus ? dueMs[count]! : Infinity };
}
