import {
  startApi,
  type AccessParts,
  type ApiLimits,
  type ApiMethod,
  type ApiServer,
  type KeyWatchSource,
  type PubsubAudit,
  type Route,
  type TlsFiles,
} from '../../src/api/index.ts';
import { openBrowserTokens } from '../../src/identity/browser-tokens.ts';
import type { BrowserTokens } from '../../src/identity/index.ts';
import type { StatusCode } from '../../src/rpc/index.ts';
import { silentLogger, SystemClock, type Clock, type Logger } from '../../src/runtime/index.ts';
import type { ServiceFront } from '../../src/vault/index.ts';
import { RecordingBroker } from './recording-broker.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { WebSocketReports } from './web-socket-reports.ts';

export interface ApiFixture {
  readonly api: ApiServer;
  readonly broker: RecordingBroker;
  readonly observed: [rpc: string, code: StatusCode][];
  readonly tokens: BrowserTokens;
  readonly reports: WebSocketReports;
}

export interface FixtureOptions {
  readonly limits?: Partial<ApiLimits>;
  readonly routes?: Route[];
  readonly methods?: readonly ApiMethod[];
  readonly audit?: PubsubAudit;
  readonly keyWatch?: KeyWatchSource;
  readonly publicHosts?: string[];
  readonly allowOrigins?: string[];
  readonly browserOrigins?: string[];
  readonly webSocketCompression?: boolean;
  readonly clock?: Clock;
  readonly hosts?: string[];
  readonly log?: Logger;
  readonly ready?: () => boolean;
  readonly front?: ServiceFront;
  readonly access?: AccessParts;
  readonly tls?: TlsFiles;
  readonly administratorQuota?: number;
}

/** The whole API on a port of the system's choice, over a broker that records. */
export async function startFixture(options: FixtureOptions = {}): Promise<ApiFixture> {
  const broker = new RecordingBroker();
  const observed: [string, StatusCode][] = [];
  const clock = options.clock ?? new SystemClock();
  const tokens = await openBrowserTokens(new Uint8Array(32).fill(7), clock);
  const reports = new WebSocketReports();
  const api = await startApi({
    listen: { hosts: options.hosts ?? ['127.0.0.1'], port: 0 },
    publicHosts: options.publicHosts ?? [],
    allowOrigins: options.allowOrigins ?? [],
    browserOrigins: options.browserOrigins ?? [],
    webSocketCompression: options.webSocketCompression ?? false,
    browserTokens: tokens,
    webSocketObserver: reports,
    broker,
    routes: options.routes ?? [],
    methods: options.methods ?? [],
    ...(options.audit && { audit: options.audit }),
    ...(options.keyWatch && { keyWatch: options.keyWatch }),
    ...(options.front && { front: options.front }),
    ...(options.access && { access: options.access }),
    ...(options.tls && { tls: options.tls }),
    administratorQuota: options.administratorQuota ?? 0,
    ready: options.ready ?? ((): boolean => true),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    observer: (rpc, code) => void observed.push([rpc, code]),
    clock,
    entropy: new SeededEntropy(1),
    log: options.log ?? silentLogger,
    limits: options.limits ?? {},
  });
  return { api, broker, observed, tokens, reports };
}
