import type { SuiteProviders } from '../../crypto/index.ts';
import type { KeyService } from '../../kms/index.ts';
import type { Clock, Entropy, Failpoints, Logger } from '../../runtime/index.ts';
import type { DekCaps } from './dek-limits.ts';
import type { DekRows } from './dek-rows.ts';
import type { DekObserver } from '../observer.ts';
import type { Resyncs } from './resyncs.ts';

/** What every part of the DEK manager works with. */
export interface DekContext {
  readonly keys: KeyService;
  readonly rows: DekRows;
  readonly providers: SuiteProviders;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly failpoints: Failpoints;
  readonly observer: DekObserver;
  readonly caps: DekCaps;
  readonly resyncs: Resyncs;
  /** Changes of keys arrive as slowly as in Google's service. */
  readonly isSlow: boolean;
  /** True from the manager's `close` on: nothing that is still under way may be kept. */
  isClosed: boolean;
  /** Unwrapped DEKs in memory now. */
  cachedCount: number;
}

/** Counts an unwrapped DEK that came (1) or went (-1). */
export function countCached(context: DekContext, change: 1 | -1): void {
  context.cachedCount += change;
  context.observer.cachedCount(context.cachedCount);
}

/** Resolves after `ms` of the context's clock. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.monotonicMs() + ms, resolve);
  });
}
