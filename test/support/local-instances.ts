import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import type { Clock } from '../../src/runtime/index.ts';
import type { Instance, InstanceReport, Instances } from '../../src/vault/instances/instances.ts';
import {
  revisionNameOf,
  type Revision,
  type RevisionName,
} from '../../src/vault/services/service.ts';

type Listener = (instance: Instance, isReady: boolean) => void;

/** An instance that is an HTTP server of this process. */
export class LocalInstance implements Instance {
  readonly id: string;
  readonly revision: RevisionName;
  readonly server: Server;
  readonly ended: Promise<string>;
  readonly end: (why: string) => void;
  connections = 0;
  readonly #sockets: Set<Socket> = new Set();

  constructor(id: string, revision: RevisionName, onRequest: RequestListener) {
    this.id = id;
    this.revision = revision;
    this.server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, onRequest);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.end = resolve;
  }

  async connect(): Promise<Socket> {
    const { port } = this.server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    this.connections += 1;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Ends as a process that is killed. */
  kill(): void {
    this.server.close();
    this.server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Instances without processes: HTTP servers here, with starts that a test can delay or refuse. */
export class LocalInstances implements Instances {
  readonly clock: Clock;
  readonly #listens: boolean;
  onRequest: RequestListener = (_request, response) => void response.end('hello');
  /** Called before each start; what it rejects with is what the start fails with. */
  beforeReady: (revision: Revision) => Promise<void> = async () => undefined;
  readonly all: LocalInstance[] = [];
  starts = 0;
  starting = 0;
  /** The most that ran or started at a time, of each revision. */
  readonly most: Map<string, number> = new Map();
  readonly #running: Map<string, LocalInstance> = new Map();
  readonly #listeners: Set<Listener> = new Set();

  /** `listens`: false where no request is ever sent. */
  constructor(clock: Clock, listens: boolean = true) {
    this.clock = clock;
    this.#listens = listens;
  }

  async start(revision: Revision, signal: AbortSignal): Promise<LocalInstance> {
    this.starts += 1;
    this.starting += 1;
    try {
      await this.beforeReady(revision);
      if (signal.aborted) throw new Error('aborted');
      return await this.#open(revision);
    } finally {
      this.starting -= 1;
    }
  }

  async #open(revision: Revision): Promise<LocalInstance> {
    const id = `${revision.name.revisionId}-${this.starts}-${this.all.length}`;
    const instance = new LocalInstance(id, revision.name, (request, response) =>
      this.onRequest(request, response),
    );
    if (this.#listens) {
      instance.server.listen(0, '127.0.0.1');
      await once(instance.server, 'listening');
    }
    this.all.push(instance);
    this.#running.set(id, instance);
    const key = revisionNameOf(revision.name);
    const count = this.running(revision.name).length;
    this.most.set(key, Math.max(this.most.get(key) ?? 0, count));
    for (const listener of this.#listeners) listener(instance, true);
    return instance;
  }

  async stop(id: string, why: string): Promise<void> {
    const instance = this.#running.get(id);
    if (instance === undefined) return;
    this.#running.delete(id);
    instance.end(why);
    for (const listener of this.#listeners) listener(instance, false);
    instance.kill();
  }

  /** It ends by itself. */
  async crash(id: string): Promise<void> {
    await this.stop(id, 'exited with code 1');
  }

  async stopRevision(revision: RevisionName, why: string): Promise<void> {
    for (const { id } of this.running(revision)) await this.stop(id, why);
  }

  running(revision?: RevisionName): readonly LocalInstance[] {
    const running = [...this.#running.values()];
    if (revision === undefined) return running;
    const key = revisionNameOf(revision);
    return running.filter((instance) => revisionNameOf(instance.revision) === key);
  }

  async reports(): Promise<readonly InstanceReport[]> {
    return [];
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stopAll(why: string): Promise<void> {
    for (const { id } of this.running()) await this.stop(id, why);
  }
}
