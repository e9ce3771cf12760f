import type { IncomingHttpHeaders } from 'node:http2';

/** Milliseconds of a unit of `grpc-timeout` (gRPC over HTTP/2, "TimeoutUnit"). */
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The longest time that a timer of Node can wait for, in whole seconds: 24.8 days. */
const timeoutMaxSeconds = 2_147_483;

/**
 * Shortens a call's time to what grpc-js can count. It keeps milliseconds in 32 bits with a sign, so
 * that a longer time is over at once: the Python client, which publishes ordered messages with 49 days,
 * would see DEADLINE_EXCEEDED and publish again and again.
 */
export function boundCallTimeout(headers: IncomingHttpHeaders): void {
  const [, count, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(headers['grpc-timeout'])) ?? [];
  if (Number(count) * (unitMs[unit] ?? 0) > timeoutMaxSeconds * 1_000) {
    headers['grpc-timeout'] = `${timeoutMaxSeconds}S`;
  }
}
