import { isLoopback, type ServerConfig } from '../config/index.ts';
import { openIdentity, type Identity } from '../identity/index.ts';
import { createOutgoingClient, type Listening, type OutgoingClient } from '../outgoing/index.ts';
import type { Closers } from '../runtime/index.ts';
import type { Address } from './address.ts';
import type { OpenedKeys } from './opened-stores.ts';
import type { ServerPorts } from './ports.ts';

/** Who we are to those whom we call. */
export async function openIdentityAt(
  address: Address,
  config: ServerConfig,
  { clock, log }: ServerPorts,
  keys: OpenedKeys,
  closers: Closers,
): Promise<Identity> {
  const issuer = (): string => config.issuer ?? address.url;
  const identity = await openIdentity({ ...keys, clock, log, issuer });
  closers.add(() => identity.close());
  return identity;
}

/** A way to addresses that users name: the only kind there is. */
export function openOutgoing(
  own: Address,
  config: ServerConfig,
  { clock }: ServerPorts,
  closers: Closers,
): OutgoingClient {
  const listeners = listenersOf(own, config);
  const outgoing = createOutgoingClient({
    policy: {
      // A public name means that others reach us through a proxy, wherever we listen.
      isLoopbackOnly:
        listeners.every(({ address }) => isLoopback(address)) && config.publicHosts.length === 0,
      allow: config.outgoingAllow,
      ownListeners: () => listenersOf(own, config),
    },
    clock,
    caFile: config.outgoingCa,
  });
  closers.add(() => outgoing.close());
  return outgoing;
}

/** Where we listen, by addresses; the port is known once we do. */
export function listenersOf({ port }: Address, { hosts }: ServerConfig): Listening[] {
  return hosts.map((host) => ({ address: host === 'localhost' ? '127.0.0.1' : host, port }));
}
