import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { Probe } from '../services/service.ts';
import { defaultStartupProbe, look } from './probe.ts';

const never = new AbortController().signal;

/** A program that listens from a certain time on. */
function startsAt(clock: VirtualClock, ms: number): { connect: () => Promise<Socket> } {
  const connect = (): Promise<Socket> =>
    clock.monotonicMs() < ms ? Promise.reject(new Error('refused')) : Promise.resolve(new Socket());
  return { connect };
}

async function looked(probe: Probe | undefined, listensAtMs: number): Promise<unknown> {
  const clock = new VirtualClock();
  const { connect } = startsAt(clock, listensAtMs);
  const result = look(clock, connect, probe, never);
  await clock.advance(300_000);
  return result;
}

describe('one look at a program that is still starting', () => {
  const written: Probe = { ...defaultStartupProbe, tcpPort: 8080 };

  // Cloud Run writes the default into the service, and clients send it back.
  test.each([
    ['by no probe', undefined],
    ['by the default probe, written out', written],
  ])('%s waits for its port, but no longer than the time of the look', async (_, probe) => {
    expect(await looked(probe, 239_000)).toEqual({ isGood: true });
    expect(await looked(probe, 241_000)).toEqual({ isGood: false, why: 'DEADLINE_EXCEEDED' });
  });

  test('by a TCP probe of a second waits that second', async () => {
    const short = { ...written, timeoutSeconds: 1 };
    expect(await looked(short, 800)).toEqual({ isGood: true });
    expect(await looked(short, 2_000)).toEqual({ isGood: false, why: 'DEADLINE_EXCEEDED' });
  });

  test('by an HTTP probe fails at once: its owner says how often that may be', async () => {
    const asked = { ...defaultStartupProbe, http: { path: '/', headers: [] } };
    expect(await looked(asked, 10)).toEqual({ isGood: false, why: 'ERROR_CONNECTION_FAILED' });
  });

  test('that cannot be asked for is a failure like another, and nobody’s crash', async () => {
    const headers = [{ name: 'X-Test', value: 'a\r\nb' }];
    const asked = { ...defaultStartupProbe, http: { path: '/', headers } };
    expect(await looked(asked, 0)).toEqual({ isGood: false, why: 'ERROR_CONNECTION_FAILED' });
  });
});
