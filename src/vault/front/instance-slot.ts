import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Instance } from '../instances/instances.ts';

/** Connections to one instance that are kept for requests to come. */
const freeConnectionsMax = 16;

/** A running instance and the requests that it has. */
export class InstanceSlot {
  readonly instance: Instance;
  /** Keeps connections open between requests; dials with `connect`. */
  readonly agent: Agent;
  readonly readySinceMs: number;
  #active = 0;
  #idleSinceMs: number;
  #isRetired = false;
  readonly #onRelease: (slot: InstanceSlot) => void;
  readonly #nowMs: () => number;

  /** `onRelease` is called after each request that ends. */
  constructor(instance: Instance, nowMs: () => number, onRelease: (slot: InstanceSlot) => void) {
    this.instance = instance;
    this.agent = new InstanceAgent(instance);
    this.readySinceMs = nowMs();
    this.#idleSinceMs = this.readySinceMs;
    this.#nowMs = nowMs;
    this.#onRelease = onRelease;
  }

  /** Requests in flight. */
  get active(): number {
    return this.#active;
  }

  /** Since when there are none; monotonic ms. */
  get idleSinceMs(): number {
    return this.#idleSinceMs;
  }

  take(): this {
    this.#active += 1;
    return this;
  }

  /** One request less. */
  release(): void {
    this.#active -= 1;
    if (this.#active === 0) {
      this.#idleSinceMs = this.#nowMs();
      if (this.#isRetired) this.agent.destroy();
    }
    this.#onRelease(this);
  }

  /** It gets no more requests; connections are closed once those in flight are done. */
  retire(): void {
    this.#isRetired = true;
    if (this.#active === 0) this.agent.destroy();
  }
}

type Dial = (
  options: unknown,
  onDialled?: (error: Error | null, socket: Duplex) => void,
) => undefined;

/** Dials an instance, in the shape that Node's HTTP client wants. */
export function dialler(instance: Instance): Dial {
  return (_options, onDialled) => {
    instance.connect().then(
      (socket) => onDialled?.(null, socket),
      // Node looks at no socket where there is an error.
      (error: Error) => onDialled?.(error, undefined as unknown as Duplex),
    );
  };
}

class InstanceAgent extends Agent {
  override readonly createConnection: Dial;

  constructor(instance: Instance) {
    super({ keepAlive: true, maxFreeSockets: freeConnectionsMax, scheduling: 'lifo' });
    this.createConnection = dialler(instance);
  }
}
