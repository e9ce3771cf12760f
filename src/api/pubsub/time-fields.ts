import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';

import { invalidArgument } from '../../broker/index.ts';
import { durationToMs } from '../../rpc/index.ts';

/** Years 1 to 9999, which is what a Timestamp may hold (google/protobuf/timestamp.proto). */
const timestampSecondsMin = -62_135_596_800n;
const timestampSecondsMax = 253_402_300_799n;
/** Ten thousand years, which is what a Duration may hold (google/protobuf/duration.proto). */
const durationSecondsMax = 315_576_000_000n;
const nanosEnd = 1_000_000_000;

/**
 * Milliseconds since the Unix epoch, rounded up: publish times are whole milliseconds, and one is
 * before the time exactly when it is before the next whole millisecond. JSON's reader lets no other
 * times pass, protobuf's lets all.
 */
export function timeOf(field: string, { seconds, nanos }: Timestamp): number {
  const isInYears = seconds >= timestampSecondsMin && seconds <= timestampSecondsMax;
  if (!isInYears || nanos < 0 || nanos >= nanosEnd) throw invalidArgument(`${field} is no time`);
  return Number(seconds) * 1_000 + Math.ceil(nanos / 1_000_000);
}

/** Milliseconds, rounded towards zero, of a duration whose parts have one sign. */
export function durationOf(field: string, duration: Duration): number {
  const { seconds, nanos } = duration;
  const isInYears = seconds >= -durationSecondsMax && seconds <= durationSecondsMax;
  const isOneSign = seconds === 0n || nanos === 0 || seconds < 0n === nanos < 0;
  if (!isInYears || !isOneSign || Math.abs(nanos) >= nanosEnd) {
    throw invalidArgument(`${field} is no duration`);
  }
  return durationToMs(duration);
}
