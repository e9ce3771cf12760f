import { createServer } from 'node:net';

/**
 * Rejects with EADDRINUSE if another program listens on `port` of `host`, so that it is known before
 * anything is made. Whether the address itself can be had is left to the listener.
 */
export async function probePort(host: string, port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(error);
      else resolve();
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
