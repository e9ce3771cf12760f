import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import type { Clock, Logger } from '../../runtime/index.ts';
import { sniffProtocol, type Protocol } from './protocol-sniffer.ts';
import { sniffTls } from './tls-sniffer.ts';
import type { TlsTerminator } from './tls-terminator.ts';

export interface ListenerOptions {
  /** Addresses to listen on, the first one required, the others as far as the machine has them. */
  readonly hosts: readonly string[];
  /** 0: the system chooses one, the same for all hosts. */
  readonly port: number;
  /** A connection that has not begun a protocol by then is closed. */
  readonly firstBytesTimeoutMs: number;
  /** Connections beyond this are closed as they arrive. */
  readonly connectionsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Speaks TLS on every connection; absent: all of it is in the clear. */
  readonly tls?: TlsTerminator | undefined;
  readonly accept: (socket: Socket, protocol: Protocol) => void;
}

const keepAliveDelayMs = 60_000;
const absentAddress = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);
/** How often another port is tried when the system's choice is taken on a second address. */
const portAttempts = 8;

/** One port on several addresses, every connection tracked from its first byte to its end. */
export class Listener {
  readonly port: number;
  readonly hosts: readonly string[];
  readonly #servers: readonly Server[];
  readonly #undecided: Set<Socket> = new Set();
  readonly #sockets: Set<Socket> = new Set();
  #whenEmpty: (() => void)[] = [];

  /** Resolves once every available address accepts; rejects if the first cannot. */
  static async open(options: ListenerOptions): Promise<Listener> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await Listener.#bindAll(options);
      } catch (error) {
        const mayRetry = options.port === 0 && attempt < portAttempts;
        if (!mayRetry || codeOf(error) !== 'EADDRINUSE') throw error;
      }
    }
  }

  static async #bindAll(options: ListenerOptions): Promise<Listener> {
    const servers: Server[] = [];
    const hosts: string[] = [];
    let port = options.port;
    try {
      for (const host of options.hosts) {
        const server = createServer({
          allowHalfOpen: true,
          noDelay: true,
          // Ends connections whose other end has vanished without a word.
          keepAlive: true,
          keepAliveInitialDelay: keepAliveDelayMs,
        });
        if (!(await bindIfPresent(server, host, port, servers.length > 0, options.log))) continue;
        servers.push(server);
        hosts.push(host);
        port = (server.address() as AddressInfo).port;
      }
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
    return new Listener(servers, hosts, port, options);
  }

  private constructor(
    servers: readonly Server[],
    hosts: readonly string[],
    port: number,
    options: ListenerOptions,
  ) {
    this.#servers = servers;
    this.hosts = hosts;
    this.port = port;
    for (const server of servers) {
      server.on('connection', (socket) => this.#take(socket, options));
      server.on('error', (error) => options.log.error({ err: error }, 'listener failed'));
    }
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Takes no more connections, and drops those that have not begun a protocol. */
  stopAccepting(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#undecided) socket.destroy();
  }

  /** Resolves when the last connection has ended. */
  whenEmpty(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket, options: ListenerOptions): void {
    if (this.#sockets.size >= options.connectionsMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#undecided.add(socket);
    // A reset is the client's business; 'close' follows and does the accounting.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#forget(socket));
    const { clock, firstBytesTimeoutMs, tls } = options;
    const converse = (stream: Socket): void =>
      sniffProtocol(stream, clock, firstBytesTimeoutMs, (protocol) => {
        this.#undecided.delete(socket);
        options.accept(stream, protocol);
      });
    if (tls === undefined) return converse(socket);
    sniffTls(socket, clock, firstBytesTimeoutMs, () =>
      tls.secure(socket, (session) => {
        session.on('error', () => undefined);
        converse(session);
      }),
    );
  }

  #forget(socket: Socket): void {
    this.#sockets.delete(socket);
    this.#undecided.delete(socket);
    if (this.#sockets.size > 0) return;
    for (const resolve of this.#whenEmpty) resolve();
    this.#whenEmpty = [];
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** False if the machine has no such address and another one already serves. */
async function bindIfPresent(
  server: Server,
  host: string,
  port: number,
  isOptional: boolean,
  log: Logger,
): Promise<boolean> {
  try {
    await bind(server, host, port);
    return true;
  } catch (error) {
    if (!isOptional || !absentAddress.has(codeOf(error) ?? '')) throw error;
    log.warn({ host, code: codeOf(error) }, 'address is not available, going on without it');
    return false;
  }
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host.includes(':') && host !== '::' }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
