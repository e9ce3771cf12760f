import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

import { silentLogger, type Clock } from '../../src/runtime/index.ts';
import {
  createServiceFront,
  type FrontOptions,
  type RunningFront,
} from '../../src/vault/front/front.ts';
import type { FrontTarget } from '../../src/vault/front/service-front.ts';
import type { KeyPlace, KeyState, KeyWatch } from '../../src/vault/keys/key-state.ts';
import type { ServiceLogEntry, ServiceLogs } from '../../src/vault/logs/service-logs.ts';
import type { Revision, RevisionName } from '../../src/vault/services/service.ts';
import { LocalInstances } from './local-instances.ts';
import { SeededEntropy } from './seeded-entropy.ts';

export const frontKey = 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k';

export interface RevisionShape {
  readonly minInstances?: number;
  readonly maxInstances?: number;
  readonly concurrency?: number;
  readonly timeoutSeconds?: number;
  readonly key?: string;
}

/** A key watch that knows what a test tells it. */
export class ToldKeyWatch implements KeyWatch {
  #known: KeyState | undefined;
  readonly #listeners: Set<(place: KeyPlace, state: KeyState) => void> = new Set();

  tell(condition: KeyState['condition'], message: string = ''): void {
    this.#known = { condition, message, sinceMs: 1, checkedMs: 1 };
    for (const listener of this.#listeners) {
      listener({ project: 'p', key: frontKey }, this.#known);
    }
  }

  async state(): Promise<KeyState> {
    return this.#known ?? { condition: 'ENABLED', message: '', sinceMs: 1, checkedMs: 1 };
  }

  known(): KeyState | undefined {
    return this.#known;
  }

  check(): Promise<KeyState> {
    return this.state();
  }

  report(): void {}
  watch(): void {}
  unwatch(): void {}

  onChange(listener: (place: KeyPlace, state: KeyState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  states(): readonly [] {
    return [];
  }
}

/** A front with services whose instances are servers of this process. */
export class FrontWorld {
  readonly clock: Clock;
  readonly instances: LocalInstances;
  readonly watch: ToldKeyWatch = new ToldKeyWatch();
  readonly entries: ServiceLogEntry[] = [];
  readonly observed: { revisionId: string; status: number; ms: number }[] = [];
  readonly options: FrontOptions;
  #front: RunningFront | undefined;
  #server: Server | undefined;
  readonly #revisions: Map<string, Revision> = new Map();

  constructor(
    clock: Clock,
    options: {
      idleMs?: number;
      instancesMax?: number;
      publicHosts?: string[];
      listens?: boolean;
    } = {},
  ) {
    this.clock = clock;
    this.instances = new LocalInstances(clock, options.listens);
    this.options = {
      instances: this.instances,
      revision: async (name) => this.revision(name),
      watch: this.watch,
      logs: { append: (entry: ServiceLogEntry) => void this.entries.push(entry) } as ServiceLogs,
      clock,
      entropy: new SeededEntropy(7),
      log: silentLogger,
      observer: {
        request: ({ revisionId }: RevisionName, status: number, ms: number) =>
          void this.observed.push({ revisionId, status, ms }),
      } as never,
      idleMs: options.idleMs ?? 60_000,
      instancesMax: options.instancesMax ?? 1_000,
      publicHosts: options.publicHosts ?? [],
    };
  }

  /** Made when it is first asked for. */
  get front(): RunningFront {
    return (this.#front ??= createServiceFront(this.options));
  }

  revision({ revisionId }: RevisionName): Revision {
    const revision = this.#revisions.get(revisionId);
    if (revision === undefined) throw new Error(`no revision ${revisionId}`);
    return revision;
  }

  /** A revision that can be routed to; its full name. */
  add(revisionId: string, shape: RevisionShape = {}): RevisionName {
    const serviceId = revisionId.split('-')[0]!;
    const name = { project: 'p', location: 'us-central1', serviceId, revisionId };
    const { minInstances = 0, maxInstances = 100, concurrency = 80, timeoutSeconds = 300 } = shape;
    const encryption = shape.key === undefined ? null : { key: shape.key };
    this.#revisions.set(revisionId, {
      name,
      settings: { encryption, minInstances, maxInstances },
      template: { containerConcurrency: concurrency, timeoutSeconds },
    } as unknown as Revision);
    return name;
  }

  /** Routes; each service's traffic as `revision: percent` pairs. */
  route(services: Readonly<Record<string, FrontTarget['traffic']>>): void {
    this.front.update(
      Object.entries(services).map(([hostPrefix, traffic]) => ({
        hostPrefix,
        project: 'p',
        location: 'us-central1',
        serviceId: traffic[0]?.revisionId.split('-')[0] ?? hostPrefix,
        traffic,
      })),
    );
  }

  /** One service of one revision that gets all requests. */
  single(revisionId: string, shape: RevisionShape = {}): RevisionName {
    const name = this.add(revisionId, shape);
    this.route({ [name.serviceId]: [{ revisionId, percent: 100 }] });
    return name;
  }

  /** Serves it on a port of its own, without an API beside it. */
  async listen(): Promise<number> {
    const server = createServer({ requestTimeout: 0 }, (request, response) =>
      this.front.serve(request, response),
    );
    server.on('checkContinue', (request, response) => this.front.serve(request, response));
    server.on('upgrade', (request, socket, head) => this.front.upgrade(request, socket, head));
    this.#server = server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#front?.close();
    await this.instances.stopAll('closed');
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  texts(): (string | undefined)[] {
    return this.entries.filter(({ log }) => log === 'varlog/system').map(({ text }) => text);
  }
}

export interface FrontAnswerSeen {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request on a connection of its own; rejects if its answer is cut. */
export function ask(
  port: number,
  host: string,
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string | string[]>>;
    readonly body?: string | Buffer;
  } = {},
): Promise<FrontAnswerSeen> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', path = '/', headers = {}, body } = options;
    const call = request({
      port,
      host: '127.0.0.1',
      method,
      path,
      headers: { host, ...headers },
      agent: false,
    });
    call.on('error', reject);
    call.on('response', (message) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('error', reject);
      message.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: message.statusCode ?? 0, headers: message.headers, text });
      });
    });
    call.end(body);
  });
}

/** What a connection is told until it is closed. */
export function tellAndHear(port: number, ...writes: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    for (const text of writes) socket.write(text, 'latin1');
  });
}
