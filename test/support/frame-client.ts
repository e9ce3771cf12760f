import {
  createRegistry,
  fromBinary,
  fromJson,
  fromJsonString,
  toBinary,
  toJson,
  type JsonObject,
} from '@bufbuild/protobuf';
import { WebSocket } from 'ws';

import { BadRequestSchema, ErrorInfoSchema } from '../../src/proto/google/rpc/error_details_pb.ts';
import { ClientFrameSchema, ServerFrameSchema } from '../../src/proto/sealpost/v1/websocket_pb.ts';
import type { Pulled } from './live-api.ts';

export const subprotocols: readonly string[] = ['sealpost.v1.json', 'sealpost.v1.proto'];

/** A frame of the server's in proto3 JSON: integers of 64 bits as strings, defaults left out. */
export interface FrameJson {
  readonly id?: string;
  readonly deliver?: { readonly sequence: string; readonly receivedMessages: readonly Pulled[] };
  readonly error?: {
    readonly status: string;
    readonly reason: string;
    readonly message: string;
    readonly details?: readonly JsonObject[];
  };
  readonly [member: string]: unknown;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema);

/** A bare WebSocket that speaks frames by way of the generated code, so in either form alike. */
export class FrameClient {
  readonly closed: Promise<Closed>;
  readonly #ws: WebSocket;
  readonly #isBinary: boolean;
  readonly #frames: FrameJson[] = [];
  #wake: () => void = () => undefined;
  #end: Closed | undefined;
  #lastId = 0;

  constructor({ address }: { readonly address: string }, subprotocol: string) {
    this.#isBinary = subprotocol.endsWith('proto');
    this.#ws = new WebSocket(`ws://${address}/v1/websocket`, subprotocol);
    this.#ws.on('message', (data, isBinary) => {
      if (isBinary !== this.#isBinary) throw new Error('a message of the wrong kind');
      this.#frames.push(this.#read(data as Buffer));
      this.#wake();
    });
    this.closed = new Promise((resolve, reject) => {
      this.#ws.on('error', reject);
      this.#ws.on('close', (code, reason) => {
        this.#end = { code, reason: reason.toString() };
        resolve(this.#end);
        this.#wake();
      });
    });
    // Looked at only by those who wait for it.
    this.closed.catch(() => undefined);
  }

  /** Connected and welcome. */
  static async hello(
    server: { readonly address: string },
    subprotocol: string,
  ): Promise<FrameClient> {
    const client = new FrameClient(server, subprotocol);
    await client.opened();
    client.send({ hello: {} });
    await client.take(({ welcome }) => welcome !== undefined);
    return client;
  }

  async opened(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#ws.once('open', resolve);
      this.#ws.once('error', reject);
    });
  }

  /** A frame of the client's in proto3 JSON. */
  send(frame: JsonObject): void {
    if (!this.#isBinary) this.sendRaw(JSON.stringify(frame));
    else this.sendRaw(toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, frame)));
  }

  sendRaw(message: string | Uint8Array): void {
    this.#ws.send(message);
  }

  /** Sends it under a new id, and waits for its answer. */
  async request(frame: JsonObject): Promise<FrameJson> {
    const id = this.post(frame);
    return this.take((answer) => answer.id === String(id) && answer.deliver === undefined);
  }

  /** The same without waiting; returns the id. */
  post(frame: JsonObject): number {
    this.send({ id: ++this.#lastId, ...frame });
    return this.#lastId;
  }

  /** The error that answers a request, as other wires' refusals are told. */
  async refusal(frame: JsonObject): Promise<{ code: string; reason: string; message: string }> {
    const { error } = await this.request(frame);
    if (error === undefined) throw new Error('the request was not refused');
    const { status: code, reason, message } = error;
    return { code, reason, message };
  }

  /** Messages of a stream, until so many have come. */
  async receive(stream: number, count: number): Promise<Pulled[]> {
    const received: Pulled[] = [];
    while (received.length < count) {
      const { deliver } = await this.take(
        (frame) => frame.id === String(stream) && frame.deliver !== undefined,
      );
      received.push(...(deliver?.receivedMessages ?? []));
    }
    return received;
  }

  /** The first frame that came, or comes, and is like that; those passed over are kept. */
  async take(isWanted: (frame: FrameJson) => boolean): Promise<FrameJson> {
    for (;;) {
      const index = this.#frames.findIndex(isWanted);
      if (index >= 0) return this.#frames.splice(index, 1)[0]!;
      if (this.#end !== undefined) {
        throw new Error(`closed with ${this.#end.code} ${this.#end.reason}`);
      }
      await new Promise<void>((resolve) => {
        const others = this.#wake;
        this.#wake = () => {
          others();
          resolve();
        };
      });
    }
  }

  /** Frames that came and were not taken. */
  get left(): readonly FrameJson[] {
    return this.#frames;
  }

  async close(): Promise<Closed> {
    this.#ws.close(1000);
    return this.closed;
  }

  #read(data: Buffer): FrameJson {
    const frame = this.#isBinary
      ? fromBinary(ServerFrameSchema, data)
      : fromJsonString(ServerFrameSchema, data.toString(), { registry });
    return toJson(ServerFrameSchema, frame, { registry }) as FrameJson;
  }
}
