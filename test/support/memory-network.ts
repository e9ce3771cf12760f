import type { Environment, WebSocketConstructor } from '../../src/client/index.ts';
import type { VirtualClock } from './virtual-clock.ts';

type Data = string | Uint8Array<ArrayBuffer>;

/** The server's end of a connection in memory. */
export interface Peer {
  send(data: string | ArrayBuffer): void;
  close(code: number, reason: string): void;
  onMessage: (data: string) => void;
  /** 1006 when it was cut. */
  onClose: (code: number) => void;
}

/** A frame takes so long, each way. */
export const latencyMs = 1;
const broken = 1006;

/**
 * WebSockets without a network: frames arrive in order after a virtual millisecond, and a test
 * decides which frame is the last of its connection.
 */
export class MemoryNetwork {
  readonly WebSocket: WebSocketConstructor;
  /** Asked before each frame, either way, with its number: true cuts its connection instead. */
  isCut: (frame: number) => boolean = () => false;
  /** Connections fail at once. */
  isRefusing = false;
  /** Frames vanish and nobody hears of it. */
  isSilent = false;
  /** When each connection was tried. */
  readonly attemptsMs: number[] = [];
  readonly #clock: VirtualClock;
  readonly #accept: (peer: Peer) => void;
  readonly #open = new Set<MemorySocket>();
  #frames = 0;

  constructor(clock: VirtualClock, accept: (peer: Peer) => void) {
    this.#clock = clock;
    this.#accept = accept;
    // oxlint-disable-next-line typescript/no-this-alias unicorn/no-this-assignment
    const network = this;
    this.WebSocket = class extends MemorySocket {
      constructor() {
        super(network);
      }
    };
  }

  get connectionCount(): number {
    return this.#open.size;
  }

  /** Time and chance of a client on this network. */
  environment(random: () => number): Environment {
    const clock = this.#clock;
    return {
      nowMs: () => clock.monotonicMs(),
      random,
      schedule: (delayMs, task) => clock.schedule(clock.monotonicMs() + delayMs, task),
    };
  }

  /** Breaks every connection, as a router that loses its power. */
  cut(): void {
    for (const socket of this.#open) socket.break();
  }

  later(task: () => void): void {
    this.#clock.schedule(this.#clock.monotonicMs() + latencyMs, task);
  }

  connect(socket: MemorySocket): void {
    this.attemptsMs.push(this.#clock.monotonicMs());
    this.later(() => {
      if (this.isRefusing) {
        socket.break();
        return;
      }
      this.#open.add(socket);
      this.#accept(socket.peer);
      socket.tell('open', {});
    });
  }

  disconnect(socket: MemorySocket): void {
    this.#open.delete(socket);
  }

  /** Carries one frame, unless this is where the connection ends. */
  carry(socket: MemorySocket, arrive: () => void): void {
    if (this.isSilent) return;
    if (this.isCut(this.#frames++)) socket.break();
    else this.later(arrive);
  }
}

class MemorySocket {
  binaryType = 'blob';
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  readonly peer: Peer;
  readonly #network: MemoryNetwork;
  #isOver = false;

  constructor(network: MemoryNetwork) {
    this.#network = network;
    this.peer = {
      send: (data) =>
        network.carry(this, () => {
          if (!this.#isOver) this.tell('message', { data });
        }),
      close: (code, reason) => network.later(() => this.end(code, reason)),
      onMessage: () => undefined,
      onClose: () => undefined,
    };
    network.connect(this);
  }

  send(data: Data): void {
    if (this.#isOver) return;
    const text = typeof data === 'string' ? data : '';
    this.#network.carry(this, () => {
      if (!this.#isOver) this.peer.onMessage(text);
    });
  }

  close(code: number = 1005): void {
    this.#network.later(() => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#network.disconnect(this);
      this.peer.onClose(code);
      this.tell('close', { code, reason: '' });
    });
  }

  break(): void {
    this.end(broken, '');
  }

  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#network.disconnect(this);
    this.peer.onClose(code);
    this.tell('close', { code, reason });
  }

  tell(type: 'open' | 'message' | 'close', event: object): void {
    (this[`on${type}`] as ((event: object) => void) | undefined)?.(event);
  }
}
