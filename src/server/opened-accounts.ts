import type { AuditWriter } from '../audit/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { SuiteProviders } from '../crypto/index.ts';
import {
  type AccountStore,
  type Identity,
  openAccounts,
  openAuthenticator,
  type OpenedAuthenticator,
  type OwnUrl,
} from '../identity/index.ts';
import { createOutgoingClient, type OutgoingClient } from '../outgoing/index.ts';
import type { Closers } from '../runtime/index.ts';
import type { Address } from './address.ts';
import { derivedKey } from './derived-key.ts';
import type { OpenedKeys } from './opened-stores.ts';
import { listenersOf } from './outgoing.ts';
import type { ServerPorts } from './ports.ts';

export interface AccountParts {
  readonly openedKeys: OpenedKeys;
  readonly suites: SuiteProviders;
  readonly audit: AuditWriter;
}

export interface AuthenticationParts {
  readonly store: AccountStore;
  readonly identity: Identity;
  readonly address: Address;
}

/** Service accounts and their keys, in the environment of the keys. */
export async function openAccountsAt(
  { openedKeys, suites, audit }: AccountParts,
  { clock, entropy, log }: Pick<ServerPorts, 'clock' | 'entropy' | 'log'>,
  closers: Closers,
): Promise<AccountStore> {
  const key = derivedKey(openedKeys, suites, 'accounts', closers);
  return await openAccounts({ rows: openedKeys.rows, key, audit, clock, entropy, log });
}

/** Who finds out who calls. */
export function openAuthenticatorAt(
  { store, identity, address }: AuthenticationParts,
  config: ServerConfig,
  { clock, log }: Pick<ServerPorts, 'clock' | 'log'>,
  closers: Closers,
): OpenedAuthenticator {
  const outgoing = openIssuers(address, config, { clock });
  closers.add(() => outgoing.close());
  const authenticator = openAuthenticator({
    isRequired: config.authentication === 'required',
    store,
    accessTokens: identity.accessTokens,
    idTokens: identity.idTokens,
    issuers: config.oidcIssuers,
    audiences: config.oidcAudiences,
    ownUrls: () => ownUrls(address, config),
    outgoing,
    skewSeconds: config.clockSkewSeconds,
    clock,
    log,
  });
  closers.add(() => authenticator.close());
  return authenticator;
}

/** The operator names the issuers: they may be wherever they run them, but not ourselves. */
function openIssuers(
  address: Address,
  config: ServerConfig,
  { clock }: Pick<ServerPorts, 'clock'>,
): OutgoingClient {
  return createOutgoingClient({
    policy: { isLoopbackOnly: true, allow: [], ownListeners: () => listenersOf(address, config) },
    clock,
    caFile: config.oidcCa,
    limits: { requestsPerHostMax: 4 },
  });
}

/** Where clients call us: a public name perhaps through a proxy, on the port of its scheme. */
function ownUrls({ port, url }: Address, config: ServerConfig): OwnUrl[] {
  const local = ['localhost', '127.0.0.1', '[::1]', ...config.hosts.map(bracketed)];
  const named = [config.issuer ?? '', url].flatMap((text) => {
    const own = URL.parse(text);
    return own === null ? [] : [{ host: own.hostname, port: portOf(own) }];
  });
  return [
    ...named,
    ...local.map((host) => ({ host, port })),
    ...config.publicHosts.flatMap((host) => [port, 443].map((each) => ({ host, port: each }))),
  ];
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
