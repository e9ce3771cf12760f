/** A google.protobuf.Duration or Timestamp: whole seconds, and nanoseconds of the same sign. */
export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** Milliseconds, rounded towards zero; durations beyond 2^53 ms lose precision, not sense. */
export function durationToMs(duration: SecondsAndNanos): number {
  return Number(duration.seconds) * 1_000 + Math.trunc(duration.nanos / 1_000_000);
}

export function msToDuration(ms: number): SecondsAndNanos {
  const seconds = Math.trunc(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

/** `9m59s`, `744h`, `1.5s`, `0s`: the form in which Pub/Sub's error texts write durations. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const rest = Math.abs(ms);
  const hours = Math.floor(rest / 3_600_000);
  const minutes = Math.floor((rest % 3_600_000) / 60_000);
  const seconds = (rest % 60_000) / 1_000;
  const parts = [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    seconds > 0 ? `${seconds}s` : '',
  ];
  return sign + parts.join('');
}

/** RFC 3339 in UTC with milliseconds, as production writes publish times. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
