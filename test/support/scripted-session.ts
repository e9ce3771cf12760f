import {
  connect,
  type Client,
  type ConnectOptions,
  type Environment,
} from '../../src/client/index.ts';
import { MemoryNetwork, type Peer } from './memory-network.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A frame as a test reads and writes it: proto3 JSON. */
export type Frame = Readonly<Record<string, unknown>> & { readonly id?: number };

export const welcome = {
  resumeSeconds: 60,
  keepAliveSeconds: 30,
  maxFrameBytes: 10_000,
  maxRequests: 1_000,
  maxStreams: 100,
};

/** A client whose server says what the test says; only a hello is answered by itself. */
export class ScriptedSession {
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly client: Client;
  /** What the client sent since they were taken last, hellos apart. */
  #frames: Frame[] = [];
  readonly hellos: Frame[] = [];
  /** Of connections that ended, as the server saw them. */
  readonly closes: number[] = [];
  readonly states: string[] = [];
  /** What is welcomed as; null: nothing is answered. */
  greeting: { sessionId: string; resumed: boolean } | null = { sessionId: 's1', resumed: false };
  /** Close code and words for each hello instead of a welcome. */
  refusal: [code: number, reason: string] | null = null;
  /** Pings of a long silence are answered, and not kept as frames. */
  answersPings = false;
  #peer: Peer | undefined;

  constructor(
    options: ConnectOptions = {},
    random: () => number = () => 0.5,
    more: Partial<Environment> = {},
  ) {
    this.network = new MemoryNetwork(this.clock, (peer) => this.#accept(peer));
    this.client = connect('http://broker.example', {
      protocol: 'json',
      WebSocket: this.network.WebSocket,
      environment: { ...this.network.environment(random), ...more },
      ...options,
    });
    this.client.onStateChange(({ state }) => this.states.push(state));
  }

  /** Passes time, in which everything under way arrives. */
  pass(ms: number = 20): Promise<void> {
    return this.clock.advance(ms);
  }

  /** The frames of the client since the last time. */
  async frames(): Promise<Frame[]> {
    await this.pass();
    return this.#frames.splice(0);
  }

  async send(...frames: Frame[]): Promise<void> {
    for (const frame of frames) this.#peer?.send(JSON.stringify(frame));
    await this.pass();
  }

  async close(code: number, reason: string): Promise<void> {
    this.#peer?.close(code, reason);
    await this.pass(5);
  }

  /** The connection breaks; the next one is welcomed so. */
  async reconnect(greeting: { sessionId: string; resumed: boolean }): Promise<void> {
    this.greeting = greeting;
    this.network.cut();
    await this.pass(200);
  }

  #accept(peer: Peer): void {
    this.#peer = peer;
    peer.onClose = (code) => this.closes.push(code);
    peer.onMessage = (text) => {
      const frame = JSON.parse(text) as Frame;
      if (frame['ping'] !== undefined && this.answersPings) peer.send('{"pong":{}}');
      else if (frame['hello'] === undefined) this.#frames.push(frame);
      else this.#greet(peer, frame['hello'] as Frame);
    };
  }

  #greet(peer: Peer, hello: Frame): void {
    this.hellos.push(hello);
    if (this.refusal !== null) peer.close(...this.refusal);
    else if (this.greeting !== null) {
      peer.send(JSON.stringify({ welcome: { ...welcome, ...this.greeting } }));
    }
  }
}

/** An error frame. */
export function errorFrame(id: number, code: number, reason: string): Frame {
  return { id, error: { code, status: 'ANY', reason, message: `because ${reason}` } };
}

/** A deliver frame with messages of these ack ids, whose data are the same. */
export function deliver(id: number, sequence: number, ackIds: readonly string[]): Frame {
  const receivedMessages = ackIds.map((ackId) => ({
    ackId,
    message: {
      data: btoa(ackId),
      messageId: `m-${ackId}`,
      publishTime: '2026-01-01T00:00:00.123Z',
    },
  }));
  return { id, deliver: { sequence, receivedMessages } };
}
