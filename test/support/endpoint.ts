import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import type { Server as TcpServer } from 'node:net';

import { createServer as createTlsServer } from 'node:tls';

import type { TestCertificates } from './test-certificates.ts';

/** A server on loopback that a test sends requests to. */
export interface Endpoint {
  readonly port: number;
  /** The TCP connections that came, in order. */
  readonly sockets: readonly Socket[];
  close(): void;
}

/** Speaks HTTP, or HTTPS when there are certificates. */
export function openEndpoint(
  handler: RequestListener,
  certificates?: TestCertificates,
): Promise<Endpoint> {
  const server: Server = certificates
    ? createHttpsServer(certificates, handler)
    : createHttpServer(handler);
  return listening(server);
}

/** Says to each connection whatever it wants, in TLS when there are certificates. */
export function openRawEndpoint(
  handler: (socket: Socket) => void,
  certificates?: TestCertificates,
): Promise<Endpoint> {
  const server = certificates ? createTlsServer(certificates, handler) : createTcpServer(handler);
  return listening(server);
}

async function listening(server: TcpServer): Promise<Endpoint> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
