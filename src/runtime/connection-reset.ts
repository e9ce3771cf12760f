import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Ends a connection by a reset, which drops what the system still holds for its client. `socket` may
 * be what an HTTP/2 session shows of its own.
 */
export function resetConnection(socket: Socket): void {
  connectionReset(socket)();
}

/** The reset of a connection that may be gone by the time that it is needed. */
export function connectionReset(socket: Socket): () => void {
  const carrier = socket instanceof TLSSocket ? carrierOf(socket) : socket;
  return carrier.resetAndDestroy.bind(carrier);
}

/** Node resets no TLS session, only what carries it, which it keeps here alone. */
function carrierOf(session: TLSSocket): Socket {
  const { _parent: carrier } = session as unknown as { readonly _parent?: Socket };
  return carrier instanceof Socket ? carrier : session;
}
