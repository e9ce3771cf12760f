import { startApi, type ApiLimits, type ApiServer, type Route } from '../../src/api/index.ts';
import type { StatusCode } from '../../src/rpc/index.ts';
import { silentLogger, SystemClock, type Logger } from '../../src/runtime/index.ts';
import { RecordingBroker } from './recording-broker.ts';
import { SeededEntropy } from './seeded-entropy.ts';

export interface ApiFixture {
  readonly api: ApiServer;
  readonly broker: RecordingBroker;
  readonly observed: [rpc: string, code: StatusCode][];
}

export interface FixtureOptions {
  readonly limits?: Partial<ApiLimits>;
  readonly routes?: Route[];
  readonly publicHosts?: string[];
  readonly allowOrigins?: string[];
  readonly hosts?: string[];
  readonly log?: Logger;
}

/** The whole API on a port of the system's choice, over a broker that records. */
export async function startFixture(options: FixtureOptions = {}): Promise<ApiFixture> {
  const broker = new RecordingBroker();
  const observed: [string, StatusCode][] = [];
  const api = await startApi({
    listen: { hosts: options.hosts ?? ['127.0.0.1'], port: 0 },
    publicHosts: options.publicHosts ?? [],
    allowOrigins: options.allowOrigins ?? [],
    broker,
    routes: options.routes ?? [],
    ready: () => true,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    observer: (rpc, code) => void observed.push([rpc, code]),
    clock: new SystemClock(),
    entropy: new SeededEntropy(1),
    log: options.log ?? silentLogger,
    limits: options.limits ?? {},
  });
  return { api, broker, observed };
}
