import { type Clock, pause } from '../../runtime/index.ts';
import type { Container, Probe } from '../services/service.ts';
import type { RunningInstance } from './instance-driver.ts';
import { probeFailed, probeSucceeded } from './instance-messages.ts';
import { defaultStartupProbe, look, probeWords } from './probe.ts';

export interface HealthCheck {
  readonly container: Container;
  readonly running: RunningInstance;
  readonly clock: Clock;
  /** What Run says of it, for the service's log. */
  readonly say: (severity: 'INFO' | 'ERROR', text: string) => void;
  readonly signal: AbortSignal;
}

/** Whether it came to answer in time. Ends at once with the signal, which its exit should give. */
export async function becomesHealthy(check: HealthCheck): Promise<boolean> {
  const probe = check.container.startupProbe;
  const words = probeWords(check.container, probe, 'STARTUP');
  const { failures, attempt } = await untilGood(check, probe);
  if (check.signal.aborted) return false;
  if (failures === 0) check.say('INFO', probeSucceeded(words, attempt));
  else check.say('ERROR', probeFailed(words, failures, 'The instance was not started.'));
  return failures === 0;
}

/** Looks every period; resolves when it failed too often in a row, or with the signal. */
export async function failsLiveness(check: HealthCheck): Promise<boolean> {
  const { clock, container, signal, running } = check;
  const probe = container.livenessProbe;
  if (probe === undefined) return false;
  await pause(clock, probe.initialDelaySeconds * 1000, signal);
  for (let failures = 0; !signal.aborted;) {
    const startMs = clock.monotonicMs();
    const { isGood } = await look(clock, connector(running, probe), probe, signal);
    failures = isGood ? 0 : failures + 1;
    if (failures >= probe.failureThreshold && !signal.aborted) {
      const words = probeWords(container, probe, 'LIVENESS');
      check.say('ERROR', probeFailed(words, failures, 'The instance has been shut down.'));
      return true;
    }
    await pause(clock, restOf(clock, startMs, probe), signal);
  }
  return false;
}

async function untilGood(
  { clock, running, signal }: HealthCheck,
  asked: Probe | undefined,
): Promise<{ failures: number; attempt: number }> {
  const probe = asked ?? defaultStartupProbe;
  await pause(clock, probe.initialDelaySeconds * 1000, signal);
  for (let attempt = 1; ; attempt++) {
    const startMs = clock.monotonicMs();
    const { isGood } = await look(clock, connector(running, asked), asked, signal);
    if (isGood) return { failures: 0, attempt };
    if (attempt >= probe.failureThreshold || signal.aborted) return { failures: attempt, attempt };
    await pause(clock, restOf(clock, startMs, probe), signal);
  }
}

function connector(running: RunningInstance, probe: Probe | undefined): HealthCheckConnect {
  const port = probe?.http?.port ?? probe?.tcpPort;
  return () => running.connect(port);
}

type HealthCheckConnect = () => ReturnType<RunningInstance['connect']>;

function restOf(clock: Clock, startMs: number, { periodSeconds }: Probe): number {
  return Math.max(0, startMs + periodSeconds * 1000 - clock.monotonicMs());
}
