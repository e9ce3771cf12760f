import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';

import { WebSocket, type ClientOptions } from 'ws';

export interface SocketFrame {
  readonly id: number;
  readonly [kind: string]: unknown;
}

/** A delivered message as `sealpost.v1.json` writes it. */
export interface SocketMessage {
  readonly ackId: string;
  readonly message: { readonly data?: string; readonly messageId: string };
}

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
  readonly atMs: number;
}

export interface SocketOptions extends ClientOptions {
  readonly protocols?: readonly string[];
  readonly path?: string;
}

const jsonProtocol = 'sealpost.v1.json';

/** A client of the WebSocket protocol in JSON that keeps all that it was sent. */
export class SocketClient {
  readonly ws: WebSocket;
  readonly frames: SocketFrame[] = [];
  /** Resolves when the connection is over. */
  readonly closed: Promise<SocketClose>;
  readonly #watchers: Set<(frame: SocketFrame | null) => void> = new Set();
  /** Of the next request; ids of a resumed session go on where they were. */
  nextId = 1;

  /** Resolves when the upgrade was accepted; nothing was said yet. */
  static async open(url: string, options: SocketOptions = {}): Promise<SocketClient> {
    const { protocols = [jsonProtocol], path = '/v1/websocket', ...more } = options;
    const address = `${url.replace('http', 'ws')}${path}`;
    const ws = new WebSocket(address, [...protocols], { perMessageDeflate: false, ...more });
    const client = new SocketClient(ws);
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
    });
    return client;
  }

  /** The HTTP answer to an upgrade that is refused. */
  static refusal(url: string, options: SocketOptions = {}): Promise<SocketRefusal> {
    const { protocols = [jsonProtocol], path = '/v1/websocket', ...more } = options;
    const ws = new WebSocket(`${url.replace('http', 'ws')}${path}`, [...protocols], more);
    return new Promise((resolve, reject) => {
      ws.once('open', () => reject(new Error('The upgrade was accepted.')));
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, response) => resolve(readRefusal(response)));
    });
  }

  /** A session, said hello to and welcomed. */
  static async begin(url: string, options: SocketOptions = {}): Promise<SocketClient> {
    const client = await SocketClient.open(url, options);
    await client.hello();
    return client;
  }

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as SocketFrame;
      this.frames.push(frame);
      for (const watcher of this.#watchers) watcher(frame);
    });
    ws.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString(), atMs: performance.now() });
        for (const watcher of this.#watchers) watcher(null);
      });
    });
  }

  get isClosed(): boolean {
    return this.ws.readyState === this.ws.CLOSED;
  }

  send(frame: object): void {
    this.ws.send(JSON.stringify(frame));
  }

  /** Sends a request under a new id, and returns that. */
  request(frame: object): number {
    const id = this.nextId++;
    this.send({ id, ...frame });
    return id;
  }

  /** The answer to a request: the first frame with its id. */
  async call(frame: object): Promise<SocketFrame> {
    const id = this.request(frame);
    return await this.until((each) => each.id === id);
  }

  async hello(hello: object = {}): Promise<SocketWelcome> {
    this.send({ hello });
    const { welcome } = await this.until((frame) => frame['welcome'] !== undefined);
    return welcome as SocketWelcome;
  }

  /** The first frame that fits, of those that came and those that come. Rejects at the end. */
  until(fits: (frame: SocketFrame) => boolean): Promise<SocketFrame> {
    const found = this.frames.find(fits);
    if (found !== undefined) return Promise.resolve(found);
    return this.#whenNext((frame) => (fits(frame) ? frame : undefined));
  }

  /** Resolves when so many messages of a stream have come, with all of them. */
  untilMessages(stream: number, count: number): Promise<SocketMessage[]> {
    const messages = this.messagesOf(stream);
    if (messages.length >= count) return Promise.resolve(messages);
    return this.#whenNext(({ id, deliver }) => {
      if (id !== stream || deliver === undefined) return undefined;
      messages.push(...(deliver as { receivedMessages: SocketMessage[] }).receivedMessages);
      return messages.length >= count ? messages : undefined;
    });
  }

  deliversOf(stream: number): { sequence: number; receivedMessages: SocketMessage[] }[] {
    return this.frames
      .filter(({ id }) => id === stream)
      .flatMap(({ deliver }) => (deliver === undefined ? [] : [deliver as never]));
  }

  messagesOf(stream: number): SocketMessage[] {
    return this.deliversOf(stream).flatMap(({ receivedMessages }) => receivedMessages);
  }

  /** Opens a stream and returns its id, once it is open. */
  async subscribe(subscribe: object): Promise<number> {
    const { id, error } = await this.call({ subscribe });
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return id;
  }

  /** Breaks the connection without a close frame. */
  async kill(): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }

  async close(code: number = 1000): Promise<void> {
    this.ws.close(code);
    await this.closed;
  }

  #whenNext<Found>(find: (frame: SocketFrame) => Found | undefined): Promise<Found> {
    if (this.isClosed) return Promise.reject(new Error('The connection is closed.'));
    return new Promise((resolve, reject) => {
      const look = (frame: SocketFrame | null): void => {
        const found = frame === null ? undefined : find(frame);
        if (found !== undefined) resolve(found);
        else if (frame === null) reject(new Error('The connection is closed.'));
        else return;
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
    });
  }
}

export interface SocketWelcome {
  readonly sessionId: string;
  readonly resumed: boolean;
}

export interface SocketRefusal {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly error: { readonly code: number; readonly status: string; readonly message: string };
  readonly reason: string | undefined;
}

async function readRefusal(response: IncomingMessage): Promise<SocketRefusal> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as {
    error: SocketRefusal['error'] & { details?: { reason?: string }[] };
  };
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    error: body.error,
    reason: body.error.details?.[0]?.reason,
  };
}

/**
 * Moves a server's clock ahead, by the 15 s between its pings, as far as its timers have run for a
 * client that answers them.
 */
export async function passTime(
  clock: { jump(byMs: number): void },
  witness: SocketClient,
  seconds: number,
): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 15) {
    const pinged = once(witness.ws, 'ping');
    clock.jump(15_000);
    await pinged;
    // Behind the pong: once this is answered, that has been heard.
    await witness.call({ ping: {} });
  }
}

/** The data of a delivered message as text. */
export const dataOf = ({ message }: SocketMessage): string =>
  Buffer.from(message.data ?? '', 'base64').toString();
