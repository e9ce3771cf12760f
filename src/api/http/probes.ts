import { webSocketPath } from '../websocket/limits.ts';

/** What the composition root lets load balancers, health checks and Prometheus see. */
export interface Probes {
  readonly ready: () => boolean;
  /** `accept`: the request's header, which may ask for OpenMetrics. */
  readonly metrics: (accept?: string) => Promise<MetricsPage>;
}

export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const plain = 'text/plain; charset=UTF-8';
const ok: ProbeAnswer = { status: 200, contentType: plain, body: 'Ok\n' };
const notReady: ProbeAnswer = { status: 503, contentType: plain, body: 'Not ready\n' };

/** A GET of what only an upgrade can open (RFC 9110, 15.5.22). */
const upgradeRequired: ProbeAnswer = {
  status: 426,
  contentType: plain,
  body: 'Upgrade to websocket required\n',
  headers: { upgrade: 'websocket', connection: 'Upgrade' },
};

/** What Prometheus asks for; it tells of every topic. */
export const metricsPath = '/metrics';

/** The answer to a GET of `path` if it is one of ours. `/` is what scripts for the emulator ask. */
export async function answerProbe(
  path: string,
  accept: string | undefined,
  probes: Probes,
): Promise<ProbeAnswer | undefined> {
  switch (path) {
    case '/':
    case '/healthz':
      return ok;
    case '/readyz':
      return probes.ready() ? ok : notReady;
    case metricsPath: {
      const page = await probes.metrics(accept);
      return { status: 200, contentType: page.contentType, body: page.body };
    }
    case webSocketPath:
      return upgradeRequired;
    default:
      return undefined;
  }
}
