import { request } from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, pause } from '../../runtime/index.ts';
import type { Container, Probe } from '../services/service.ts';
import { containerName, type ProbeWords } from './instance-messages.ts';

type Connect = () => Promise<Socket>;

/** How one look went; `why` is Cloud Run's name for what went wrong. */
export type Look = { readonly isGood: true } | { readonly isGood: false; readonly why: string };

/** Cloud Run's, for who asks for none: one look that waits four minutes. */
export const defaultStartupProbe: Probe = {
  initialDelaySeconds: 0,
  timeoutSeconds: 240,
  periodSeconds: 240,
  failureThreshold: 1,
};

/** What a probe is called, and where it looks: `container "hello-1" on port 8080 path "/"`. */
export function probeWords(
  container: Container,
  probe: Probe | undefined,
  purpose: 'STARTUP' | 'LIVENESS',
): ProbeWords {
  const protocol = probe?.http === undefined ? 'TCP' : 'HTTP';
  const port = probe?.http?.port ?? probe?.tcpPort ?? container.port;
  const path = probe?.http === undefined ? '' : ` path "${probe.http.path}"`;
  return {
    kind: `${probe === undefined ? 'Default ' : ''}${purpose} ${protocol} probe`,
    place: `container "${containerName(container)}" on port ${port}${path}`,
  };
}

/** Between two tries of a look that may wait: a program that just starts is seen soon. */
const retryMs = { first: 5, longest: 100 };

/**
 * One look. But for HTTP a refused connection is no failure until the time is up: the program may
 * still be starting, and the default probe is a single look.
 */
export async function look(
  clock: Clock,
  connect: Connect,
  probe: Probe | undefined,
  signal: AbortSignal,
): Promise<Look> {
  const { timeoutSeconds } = probe ?? defaultStartupProbe;
  const untilMs = clock.monotonicMs() + timeoutSeconds * 1000;
  for (let waitMs = retryMs.first; ; waitMs = Math.min(waitMs * 2, retryMs.longest)) {
    const leftMs = untilMs - clock.monotonicMs();
    const result = await within(clock, leftMs, signal, (time) => tryOnce(connect, probe, time));
    if (result.isGood || probe?.http !== undefined || signal.aborted) return result;
    if (untilMs - clock.monotonicMs() <= waitMs) return { isGood: false, why: 'DEADLINE_EXCEEDED' };
    await pause(clock, waitMs, signal);
  }
}

async function within(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (time: AbortSignal) => Promise<Look>,
): Promise<Look> {
  const time = new AbortController();
  const timeOut = pause(clock, ms, AbortSignal.any([signal, time.signal])).then((): Look => ({
    isGood: false,
    why: 'DEADLINE_EXCEEDED',
  }));
  try {
    return await Promise.race([work(time.signal), timeOut]);
  } finally {
    time.abort();
  }
}

async function tryOnce(
  connect: Connect,
  probe: Probe | undefined,
  time: AbortSignal,
): Promise<Look> {
  let socket: Socket;
  try {
    socket = await connect();
  } catch {
    return { isGood: false, why: 'ERROR_CONNECTION_FAILED' };
  }
  try {
    if (time.aborted || probe?.http === undefined) return { isGood: true };
    return await get(socket, probe.http, time);
  } catch {
    // A field of its owner's that no request can have.
    return { isGood: false, why: 'ERROR_CONNECTION_FAILED' };
  } finally {
    socket.destroy();
  }
}

/** A GET; any status of 200 to 399 is good. */
function get(
  socket: Socket,
  { path, headers }: NonNullable<Probe['http']>,
  time: AbortSignal,
): Promise<Look> {
  return new Promise((resolve) => {
    const end = (result: Look): void => {
      time.removeEventListener('abort', stop);
      call.destroy();
      resolve(result);
    };
    const failed = (): void => end({ isGood: false, why: 'ERROR_CONNECTION_FAILED' });
    const stop = (): void => end({ isGood: false, why: 'DEADLINE_EXCEEDED' });
    const fields = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
    const call = request({
      createConnection: () => socket,
      path,
      headers: { host: 'localhost', connection: 'close', ...fields },
    });
    call.on('error', failed);
    call.on('response', ({ statusCode = 0 }) => {
      const isGood = statusCode >= 200 && statusCode < 400;
      end(isGood ? { isGood } : { isGood, why: `HTTP_${statusCode}` });
    });
    time.addEventListener('abort', stop);
    call.end();
  });
}
