import type { JsonObject } from '@bufbuild/protobuf';

import { FrameClient } from './frame-client.ts';
import type { Rpc } from './rpc-bindings.ts';
import { CallRefusal, RestWire, type Json, type Wire } from './wire.ts';

/** Publishes through a WebSocket of its own; what that has no frame for goes over REST. */
export class WebSocketWire implements Wire {
  readonly name = 'WebSocket';
  readonly #server: { readonly address: string };
  readonly #rest: RestWire;

  constructor(server: { readonly address: string; readonly url: string }) {
    this.#server = server;
    this.#rest = new RestWire(() => server.url);
  }

  async call<Reply = Json>(rpc: Rpc, request: Json): Promise<Reply> {
    if (rpc !== 'Publish') return await this.#rest.call<Reply>(rpc, request);
    const client = await FrameClient.hello(this.#server, 'sealpost.v1.proto');
    const { error, published } = await client.request({ publish: request as JsonObject });
    await client.close();
    if (error === undefined) return published as Reply;
    throw new CallRefusal(error.status, error.message, error.details);
  }

  close(): void {
    // Each call has closed its connection.
  }
}
