/** Longest delay of a timer; it does nothing whenever it fires. */
const timerMsMax = 2 ** 31 - 1;

/**
 * `work`, during which the process does not end by itself: timers of a clock do not keep it alive,
 * and a start or a stop may wait for nothing but time.
 */
export async function keepAlive<Result>(work: Promise<Result>): Promise<Result> {
  const timer = setInterval(() => undefined, timerMsMax);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
