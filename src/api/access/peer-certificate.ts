import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Asked once of a connection: its client cannot show another one later. */
const known: WeakMap<Socket, Uint8Array | undefined> = new WeakMap();

/** The client's certificate in DER, if it showed one that TLS has verified. */
export function peerCertificate(socket: Socket | undefined): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  if (!known.has(socket)) known.set(socket, socket.getPeerX509Certificate()?.raw);
  return known.get(socket);
}
