import { startApi, type ApiOptions, type ApiServer, type TlsFiles } from '../api/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { Identity } from '../identity/index.ts';
import type { Metrics } from '../metrics/index.ts';
import { assert, type Closers } from '../runtime/index.ts';
import type { DataDirLock } from '../storage/index.ts';
import { ownUrl, type Address } from './address.ts';
import type { ServerPorts } from './ports.ts';

/** What the API is made of, beside settings and ports. */
export interface ListeningParts extends Pick<
  ApiOptions,
  'access' | 'audit' | 'broker' | 'front' | 'keyWatch' | 'methods' | 'routes'
> {
  readonly metrics: Metrics;
  readonly lock: DataDirLock;
  readonly identity: Identity;
  /** Whether everything is there that should be from the start. */
  readonly isReady: () => boolean;
  /** Drains what the API calls, while the API drains. */
  readonly drain: (graceMs: number) => Promise<void>;
}

/** What can be asked of the API once it listens. */
export type Listening = Pick<ApiServer, 'ask' | 'reloadTls' | 'served'>;

/** Accepts connections when it resolves; `address` is then where. */
export async function listen(
  parts: ListeningParts,
  config: ServerConfig,
  { clock, entropy, log }: ServerPorts,
  closers: Closers,
  address: Address,
): Promise<Listening> {
  const { metrics, lock, identity, drain, access } = parts;
  const isAsked = access?.authenticator.isRequired ?? false;
  assert(isAsked || config.authentication === 'off', 'nobody would be asked who he is');
  const tls = tlsFilesOf(config);
  const api = await startApi({
    listen: { hosts: config.hosts, port: config.port },
    publicHosts: config.publicHosts,
    allowOrigins: config.allowOrigins,
    browserOrigins: config.browserOrigins,
    webSocketCompression: config.webSocketCompression,
    browserTokens: identity.browserTokens,
    ...(access && { access }),
    ...(tls && { tls }),
    administratorQuota: config.administratorQuota,
    broker: parts.broker,
    routes: parts.routes,
    ...(parts.audit && { audit: parts.audit }),
    ...(parts.methods && { methods: parts.methods }),
    ...(parts.front && { front: parts.front }),
    ...(parts.keyWatch && { keyWatch: parts.keyWatch }),
    onCertificate: metrics.certificate,
    ready: parts.isReady,
    metrics: async (accept) => await metrics.page(accept),
    observer: (rpc, code, ms) => metrics.call(rpc, code, ms),
    webSocketObserver: metrics.webSocket,
    clock,
    entropy,
    log,
  });
  address.port = api.port;
  address.url = ownUrl(api.port, config);
  lock.describe(address.url);
  closers.add(async () => {
    // Streams end while connections are waited for, else each would use up the whole grace.
    const graceMs = config.drainSeconds * 1000;
    const drains = [api.drain(graceMs), drain(graceMs)];
    const failed = (await Promise.allSettled(drains)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  });
  return api;
}

/** Undefined: the port speaks in the clear. */
function tlsFilesOf(config: ServerConfig): TlsFiles | undefined {
  const { tlsCert: cert, tlsKey: key, tlsClientCa, tlsClientCrl, tlsClientAuth } = config;
  if (cert === null || key === null) return undefined;
  return { cert, key, clientCa: tlsClientCa, clientCrl: tlsClientCrl, clientAuth: tlsClientAuth };
}
