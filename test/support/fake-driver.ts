import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type {
  InstanceDriver,
  InstanceExit,
  InstanceSpec,
  RunningInstance,
} from '../../src/vault/instances/instance-driver.ts';

const answer: RequestListener = (_, response) => {
  response.end('hello');
};

/** What the instances of a FakeDriver do. */
export interface FakeBehaviour {
  /** Whether somebody listens; a test may change it at any time. */
  listens: boolean;
  /** Whether SIGTERM ends it. */
  obeys: boolean;
  /** What it answers. */
  serve: RequestListener;
}

/** One instance in this very process: a server on loopback behind `connect`. */
export class FakeInstance implements RunningInstance {
  readonly pid: number;
  readonly spec: InstanceSpec;
  readonly exited: Promise<InstanceExit>;
  readonly signals: string[] = [];
  readonly #behaviour: FakeBehaviour;
  readonly #server: Server;
  readonly #exit: (exit: InstanceExit) => void;

  constructor(pid: number, spec: InstanceSpec, behaviour: FakeBehaviour) {
    this.pid = pid;
    this.spec = spec;
    this.#behaviour = behaviour;
    this.#server = createServer((request, response) => behaviour.serve(request, response));
    const { promise, resolve } = Promise.withResolvers<InstanceExit>();
    this.exited = promise;
    this.#exit = resolve;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1').unref();
    await once(this.#server, 'listening');
  }

  async connect(): Promise<Socket> {
    if (!this.#behaviour.listens || !this.#server.listening) throw new Error('nobody listens');
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(name);
    if (name === 'SIGKILL') this.end({ code: null, signal: name, isOutOfMemory: false });
    else if (this.#behaviour.obeys) this.end({ code: 0, signal: null, isOutOfMemory: false });
  }

  end(exit: InstanceExit): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#exit(exit);
  }
}

/** A driver for unit tests: no process, no tree, the same order of events. */
export class FakeDriver implements InstanceDriver {
  readonly name = 'fake';
  readonly mapsIds = false;
  readonly behaviour: FakeBehaviour = { listens: true, obeys: true, serve: answer };
  readonly instances: FakeInstance[] = [];
  sweeps = 0;
  /** Thrown by the next starts. */
  failure: Error | null = null;

  check(): Promise<void> {
    return Promise.resolve();
  }

  async start(spec: InstanceSpec): Promise<RunningInstance> {
    if (this.failure !== null) throw this.failure;
    const instance = new FakeInstance(this.instances.length + 1, spec, this.behaviour);
    await instance.listen();
    this.instances.push(instance);
    return instance;
  }

  sweep(): Promise<number> {
    this.sweeps++;
    return Promise.resolve(0);
  }
}
