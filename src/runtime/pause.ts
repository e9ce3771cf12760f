import type { Clock } from './clock.ts';

/** Resolves after `ms`, at once if that is nothing, or as soon as `signal` aborts. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted === true) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(clock.monotonicMs() + ms, end);
    signal?.addEventListener('abort', end);
  });
}
