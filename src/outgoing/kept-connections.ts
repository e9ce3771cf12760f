import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { assert, type Clock } from '../runtime/index.ts';

/** The options of a request, with how to open a connection for it should none be idle. */
export type DialledRequest = ClientRequestArgs & { readonly dial: () => Promise<Socket> };

export interface KeptConnectionsOptions {
  readonly clock: Clock;
  /** How long a connection waits for another request. */
  readonly idleMs: number;
  /** Connections that wait, at most; the oldest are closed for the newest. */
  readonly idleMax: number;
}

/** Connections that were used and wait to be used again, for both schemes. */
export class KeptConnections {
  readonly #options: KeptConnectionsOptions;
  /** What forgets each, in the order in which they fell idle. */
  readonly #idle: Map<Socket, () => void> = new Map();
  readonly #plain: KeepingAgent;
  readonly #tls: KeepingAgent;

  constructor(options: KeptConnectionsOptions) {
    this.#options = options;
    this.#plain = new KeepingAgent(this, 'http:', 80);
    this.#tls = new KeepingAgent(this, 'https:', 443);
  }

  agent(isTls: boolean): Agent {
    return isTls ? this.#tls : this.#plain;
  }

  add(socket: Socket): void {
    const { clock, idleMs, idleMax } = this.#options;
    const [oldest] = this.#idle.keys();
    if (oldest !== undefined && this.#idle.size >= idleMax) this.#end(oldest);
    const onClose = (): void => this.remove(socket);
    socket.once('close', onClose);
    const cancel = clock.schedule(clock.monotonicMs() + idleMs, () => this.#end(socket));
    this.#idle.set(socket, () => {
      cancel();
      socket.off('close', onClose);
    });
  }

  remove(socket: Socket): void {
    this.#idle.get(socket)?.();
    this.#idle.delete(socket);
  }

  /** Closes what waits for the host of these options: when one has gone stale, all may have. */
  dropIdle(isTls: boolean, request: ClientRequestArgs): void {
    const agent = this.agent(isTls);
    const sockets = agent.freeSockets[agent.getName(request)] ?? [];
    for (const socket of sockets.slice()) this.#end(socket);
  }

  close(): void {
    for (const socket of this.#idle.keys()) this.#end(socket);
  }

  #end(socket: Socket): void {
    this.remove(socket);
    socket.destroy();
  }
}

/** Only keeps connections: how many requests are under way is bounded before they come here. */
class KeepingAgent extends Agent {
  readonly protocol: string;
  readonly defaultPort: number;
  readonly #kept: KeptConnections;

  constructor(kept: KeptConnections, protocol: string, defaultPort: number) {
    super({ keepAlive: true, maxSockets: Infinity, scheduling: 'lifo' });
    this.protocol = protocol;
    this.defaultPort = defaultPort;
    this.#kept = kept;
  }

  override createConnection(
    options: ClientRequestArgs,
    created?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    assert(created !== undefined, 'an agent is told of a connection by its callback');
    (options as DialledRequest).dial().then(
      (socket) => created(null, socket),
      (error: Error) => created(error, undefined as never),
    );
  }

  /** Node's answer is a boolean, whatever its types say: false when the server wants no more. */
  override keepSocketAlive(stream: Duplex): void {
    const verdict = super.keepSocketAlive(stream) as unknown;
    if (verdict === true) this.#kept.add(stream as Socket);
    return verdict as void;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#kept.remove(stream as Socket);
    super.reuseSocket(stream, request);
  }
}
